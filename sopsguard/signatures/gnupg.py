"""OpenPGP signatures verified by gpg or gpgv: its status lines, never its exit code.

The only module here that starts a program. It works in a directory of its own that vanishes with it, so
that nothing is imported into anybody's keyring, and no daemon is started (`--no-autostart`; gpgv knows
none). Source: GnuPG's doc/DETAILS.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from tempfile import TemporaryDirectory

from sopsguard.signatures.engine import EngineMissing, EngineName, Question
from sopsguard.signatures.packet import STRONG, framed

_SECONDS = 10  # for one run, plus what the number of its signatures allows
_PER_RUN = 256
_LITERAL = 11
_OPTIONS = (
    "--no-options", "--batch", "--no-tty", "--no-autostart", "--disable-dirmngr", "--no-auto-key-retrieve",
    "--no-auto-key-import", "--no-auto-check-trustdb", "--trust-model", "always", "--weak-digest", "SHA1",
    "--no-default-keyring",
)  # fmt: skip


class Gnupg:
    """gpg, else gpgv, behind the interface of `engine`."""

    name: EngineName = "gpg"

    def __init__(self, gpg: str | None = None, gpgv: str | None = None) -> None:
        self._gpg = gpg if gpg is not None else shutil.which("gpg")
        self._gpgv = gpgv if gpgv is not None else shutil.which("gpgv")
        if not self._gpg and not self._gpgv:
            raise EngineMissing("neither gpg nor gpgv is installed")

    def answers(self, questions: Sequence[Question]) -> list[bool]:
        """Whether each signature is good. Raises `EngineMissing` where gpg breaks or takes too long."""
        if any(question.signature.version != 4 for question in questions):
            raise EngineMissing("gpg does not know version 6 of OpenPGP")
        by_certificate: dict[bytes, list[int]] = {}
        for number, question in enumerate(questions):
            # gpg ends at the first bad signature; the arithmetic tells which are.
            if question.signature.made_by(question.maker.key, question.payload):
                by_certificate.setdefault(question.data, []).append(number)
        good = [False] * len(questions)
        for numbers in by_certificate.values():
            for at in range(0, len(numbers), _PER_RUN):
                portion = numbers[at : at + _PER_RUN]
                for number, answer in zip(portion, self._run([questions[n] for n in portion]), strict=True):
                    good[number] = answer
        return good

    def _run(self, questions: Sequence[Question]) -> list[bool]:
        """The answers for one certificate."""
        # A short path: gpg keeps sockets below its home, and their names may have 100 characters.
        with TemporaryDirectory(prefix="sg-", ignore_cleanup_errors=True) as home:
            _write(f"{home}/common.conf", b"")  # else 2.4 may start keyboxd
            _write(f"{home}/k.gpg", questions[0].data)
            answers: list[bool] = []
            if self._gpg:
                for number, question in enumerate(questions):
                    _write(f"{home}/{number}", _message(question))
                while len(answers) < len(questions):
                    answers += self._portion(home, questions, len(answers))
            else:
                for question in questions:
                    _write(f"{home}/s", question.signature.packet)
                    _write(f"{home}/d", question.payload)
                    said = self._status([str(self._gpgv)], home, [f"{home}/s", f"{home}/d"], 1)
                    answers.append(_is_good(said, question))
            return answers

    def _portion(self, home: str, questions: Sequence[Question], first: int) -> Iterator[bool]:
        """The answers from `first` on, as far as one gpg goes: in batch mode it ends at a bad signature."""
        names = [str(number) for number in range(first, len(questions))]
        said = self._status([str(self._gpg), *_OPTIONS], home, ["--verify-files", *names], len(names))
        blocks: list[list[str]] = []
        for line in said:
            words = line.split(" ")
            if words[0] == "FILE_START":
                if words[1:] != ["1", str(first + len(blocks))]:
                    raise EngineMissing("gpg answers another question than the one it was asked")
                blocks.append([])
            elif blocks:
                blocks[-1].append(line)
        if not blocks:
            raise EngineMissing("gpg does not answer")
        for block, question in zip(blocks, questions[first:], strict=False):
            yield _is_good(block, question)

    def _status(self, command: list[str], home: str, arguments: list[str], count: int) -> list[str]:
        """The status lines of one run, without their mark."""
        keyring = ["--homedir", home, "--keyring", f"{home}/k.gpg", "--status-fd", "1"]
        environment = {"LC_ALL": "C", "HOME": home, "GNUPGHOME": home, "PATH": os.defpath}
        try:
            done = subprocess.run(
                [*command, *keyring, *arguments],
                cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, timeout=_SECONDS + count / 10, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise EngineMissing("gpg took too long") from None
        except OSError as e:
            raise EngineMissing(f"gpg cannot be run ({e.strerror})") from None
        if done.returncode < 0:
            raise EngineMissing("gpg was killed")
        mark = "[GNUPG:] "
        lines = done.stdout.decode("utf-8", "replace").split("\n")
        return [line.removeprefix(mark) for line in lines if line.startswith(mark)]


def _message(question: Question) -> bytes:
    """The signature and what it is over as one message, of which gpg verifies many in one run."""
    literal = b"b\0" + bytes(4) + question.payload  # binary, no name, no date: none of it is signed
    return question.signature.packet + framed(_LITERAL, literal)


def _is_good(said: Sequence[str], question: Question) -> bool:
    """Whether the status lines of one signature say what a good one makes gpg say, and nothing else."""
    words = [line.split(" ") for line in said]
    kinds = [line[0] for line in words]
    if kinds.count("NEWSIG") != 1 or {"BADSIG", "ERRSIG", "EXPSIG", "NODATA", "UNEXPECTED"} & set(kinds):
        return False
    if sum(kinds.count(kind) for kind in ("GOODSIG", "EXPKEYSIG", "REVKEYSIG")) != 1:
        return False
    valid = [line for line in words if line[0] == "VALIDSIG"]
    if len(valid) != 1 or len(valid[0]) < 11:
        return False
    # fingerprint, date, time, expiry, version, reserved, algorithm, hash, class, primary fingerprint
    _, fingerprint, _, time, _, _, _, _, hash_id, kind, primary = valid[0][:11]
    return (
        fingerprint == question.maker.key.fingerprint
        and primary == question.certificate.fingerprint
        and time == str(question.signature.created)
        and hash_id in map(str, STRONG)
        and kind == "00"
    )


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
