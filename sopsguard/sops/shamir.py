"""Shamir's secret sharing as in HashiCorp Vault, which sops uses for several key groups.

GF(2^8) with the polynomial 0x11B; a share is the y bytes followed by one x byte.
"""

from collections.abc import Sequence
from functools import cache


class CannotCombine(Exception):
    """The shares do not fit together; the message says why."""


@cache
def _tables() -> tuple[bytes, bytes]:
    """Exponentials and logarithms to the generator 3."""
    exponents, logarithms = bytearray(256), bytearray(256)
    value = 1
    for power in range(255):
        exponents[power] = value
        logarithms[value] = power
        value ^= value << 1  # times 3
        if value > 255:
            value ^= 0x11B
    exponents[255] = exponents[0]
    return bytes(exponents), bytes(logarithms)


def _multiply(a: int, b: int) -> int:
    if not a or not b:
        return 0
    exponents, logarithms = _tables()
    return exponents[(logarithms[a] + logarithms[b]) % 255]


def _divide(a: int, b: int) -> int:
    if not a:
        return 0
    exponents, logarithms = _tables()
    return exponents[(logarithms[a] - logarithms[b]) % 255]


def combine(shares: Sequence[bytes]) -> bytes:
    """The secret of `shares`; more than needed is fine. Too few of them give a wrong secret, not an error."""
    if len(shares) < 2:
        raise CannotCombine("fewer than two shares")
    size = len(shares[0])
    if size < 2 or any(len(share) != size for share in shares):
        raise CannotCombine("the shares have different lengths")
    xs = [share[-1] for share in shares]
    if len(set(xs)) != len(xs):
        raise CannotCombine("two groups hold the same share")
    secret = bytearray()
    for at in range(size - 1):
        total = 0
        for i, share in enumerate(shares):
            basis = 1
            for j, x in enumerate(xs):
                if i != j:
                    basis = _multiply(basis, _divide(x, x ^ xs[i]))
            total ^= _multiply(share[at], basis)
        secret.append(total)
    return bytes(secret)


def split(secret: bytes, parts: int, threshold: int) -> list[bytes]:
    """`parts` shares of which any `threshold` give the secret, with x = 1, 2, … like the groups."""
    from secrets import token_bytes

    if not 2 <= threshold <= parts <= 255:
        raise ValueError("the threshold must be between 2 and the number of parts")
    shares = [bytearray() for _ in range(parts)]
    for byte in secret:
        coefficients = bytes([byte]) + token_bytes(threshold - 1)
        for x, share in enumerate(shares, 1):
            value = 0
            for coefficient in reversed(coefficients):
                value = _multiply(value, x) ^ coefficient
            share.append(value)
    return [bytes(share) + bytes([x]) for x, share in enumerate(shares, 1)]
