"""Synthetic repositories of SOPS files to measure on: well-formed ciphertext of nothing, for nobody."""

import base64
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import corpus

from sopsguard.keys import bech32

LEAVES = 25
START = 1700000000


def tree(files: int = 200) -> Iterator[tuple[str, bytes]]:
    """(path, content) of a configuration and as many SOPS files of `LEAVES` values each."""
    rng = random.Random(200)
    people = _people(rng)
    yield ".sops.yaml", _configuration(people)
    for number in range(files):
        yield f"secrets/s{number:03}.yaml", _File(rng, people).text()


def history(path: Path, commits: int = 2000, files: int = 40) -> Path:
    """A repository of `commits` on `files` SOPS files: seven in ten change one value, the others rotate a
    data key, wrap it for fewer people, or take two branches together that each changed a file. The last one
    wraps all for everybody again, so that nothing is wrong at the end."""
    rng = random.Random(40)
    corpus.repository(path)
    people = _people(rng)
    secrets = {f"secrets/s{number:02}.yaml": _File(rng, people) for number in range(files)}
    stream: list[bytes] = []
    everything = {name: file.text() for name, file in secrets.items()}
    _commit(stream, 1, {".sops.yaml": _configuration(people), **everything})
    number = 1
    while number < commits - 1:
        name, other = rng.sample(sorted(secrets), 2)
        file, kind = secrets[name], rng.random()
        if kind < 0.05 and number + 3 < commits:
            before = number
            file.change(rng)
            _commit(stream, before + 1, {name: file.text()}, (before,))
            theirs = secrets[other]
            theirs.change(rng)
            _commit(stream, before + 2, {other: theirs.text()}, (before,))
            # fast-import begins with the tree of the first parent, so the other side is said again.
            _commit(stream, before + 3, {other: theirs.text()}, (before + 1, before + 2))
            number += 3
            continue
        if kind < 0.1:
            file.rotate(rng)
        elif kind < 0.15:
            file.wrap(rng, rng.sample(people, 3))
        else:
            file.change(rng)
        number += 1
        _commit(stream, number, {name: file.text()}, (number - 1,))
    for file in secrets.values():
        file.wrap(rng, people)
    _commit(stream, number + 1, {name: file.text() for name, file in secrets.items()}, (number,))
    stream.append(b"reset refs/heads/main\nfrom :%d\n\n" % (number + 1))
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=path, input=b"".join(stream), check=True)
    corpus.git(path, "reset", "-q", "--hard", "main")
    return path


def _commit(stream: list[bytes], number: int, files: dict[str, bytes], parents: Sequence[int] = ()) -> None:
    message = b"change %d\n" % number
    stream.append(
        b"commit refs/heads/work\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata %d\n%s"
        % (number, START + 3600 * number, len(message), message)
    )
    stream += [b"%s :%d\n" % (b"merge" if place else b"from", parent) for place, parent in enumerate(parents)]
    for name, content in files.items():
        stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content))


def _people(rng: random.Random) -> list[str]:
    return [bech32.encode("age", rng.randbytes(32)) for _ in range(4)]


def _configuration(people: Sequence[str]) -> bytes:
    return f"creation_rules:\n  - path_regex: ^secrets/\n    age: {','.join(people)}\n".encode()


def _base64(rng: random.Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


class _File:
    """A SOPS file whose values change as those of a real one do: a nonce stays as long as its value."""

    def __init__(self, rng: random.Random, people: Sequence[str]) -> None:
        self._values = [self._value(rng) for _ in range(LEAVES)]
        self.wrap(rng, people)

    @staticmethod
    def _value(rng: random.Random) -> tuple[int, str, str, str]:
        size = rng.choice((12, 24, 36, 44))
        return size, _base64(rng, size), _base64(rng, 32), _base64(rng, 16)

    def change(self, rng: random.Random) -> None:
        """One value is another."""
        self._values[rng.randrange(LEAVES)] = self._value(rng)
        self._mac = self._sealed(rng, 128)

    def rotate(self, rng: random.Random) -> None:
        """The same values under a new data key."""
        self._values = [(size, _base64(rng, size), iv, _base64(rng, 16)) for size, _, iv, _ in self._values]
        self.wrap(rng, [person for person, _ in self._wraps])

    def wrap(self, rng: random.Random, people: Sequence[str]) -> None:
        """The data key is wrapped for these people."""
        self._wraps = [(person, self._wrapped(rng)) for person in people]
        self._mac = self._sealed(rng, 128)

    @staticmethod
    def _sealed(rng: random.Random, size: int) -> str:
        data, iv, tag = (_base64(rng, length) for length in (size, 32, 16))
        return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]"

    @staticmethod
    def _wrapped(rng: random.Random) -> str:
        share, body, mac = (_base64(rng, 32).rstrip("=") for _ in range(3))
        head = f"age-encryption.org/v1\n-> X25519 {share}\n{body}\n--- {mac}\n".encode()
        armored = base64.b64encode(head + rng.randbytes(64)).decode()
        return "\n".join(armored[at : at + 64] for at in range(0, len(armored), 64))

    def text(self) -> bytes:
        """The file as sops writes it."""
        lines = []
        for number, (_, data, iv, tag) in enumerate(self._values):
            lines.append(f"key{number}:\n    value: ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]")
        lines.append("sops:\n    age:")
        for person, wrapped in self._wraps:
            body = wrapped.replace("\n", "\n            ")
            lines.append(f"        - recipient: {person}\n          enc: |")
            lines.append("            -----BEGIN AGE ENCRYPTED FILE-----")
            lines.append(f"            {body}\n            -----END AGE ENCRYPTED FILE-----")
        lines.append('    lastmodified: "2026-11-23T20:00:00Z"')
        lines.append(f"    mac: {self._mac}\n    version: 3.11.0\n")
        return "\n".join(lines).encode()
