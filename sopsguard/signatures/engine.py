"""The OpenPGP engines behind one question: does this certificate's key vouch for this payload?

Whatever decides beyond that (expiry, revocation, usage, hashes) was decided before from verified facts, the
same for both engines; an engine can only refuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sopsguard.signatures.certificate import Certificate, Component
from sopsguard.signatures.packet import Signature

EngineName = Literal["sequoia", "gpg"]


class EngineMissing(Exception):
    """No engine could answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """One signature to verify."""

    payload: bytes = field(repr=False)
    signature: Signature
    certificate: Certificate
    maker: Component

    @property
    def data(self) -> bytes:
        """The certificate as far as it matters."""
        return self.certificate.reduced(self.maker, self.signature.created or 0)

    @property
    def late(self) -> bool:
        """Whether all that is known of the key was said after the signature (see `Component.counting`).

        Sequoia refuses such signatures, gpg accepts them. Renewing a key with gpg makes every earlier
        signature one of them.
        """
        return self.certificate.is_late(self.maker, self.signature.created or 0)


class Engine(Protocol):
    """Answers questions in their order."""

    name: EngineName

    def answers(self, questions: Sequence[Question]) -> list[bool]:
        """Whether each signature is good. Raises `EngineMissing`."""
        ...


def engine(name: EngineName | None = None) -> Engine:
    """The engine to use: pysequoia where it can be imported, else gpg or gpgv; or the named one.

    Raises `EngineMissing` when there is none.
    """
    from sopsguard.signatures.gnupg import Gnupg
    from sopsguard.signatures.sequoia import Sequoia

    reasons = []
    makers = {"sequoia": Sequoia, "gpg": Gnupg}
    for kind in [name] if name else ["sequoia", "gpg"]:
        try:
            made: Engine = makers[kind]()
        except EngineMissing as e:
            reasons.append(str(e))
        else:
            return made
    raise EngineMissing("; ".join(reasons))
