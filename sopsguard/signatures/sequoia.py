"""OpenPGP signatures verified in process by pysequoia."""

from collections.abc import Sequence
from typing import Any

from sopsguard.signatures.engine import EngineMissing, EngineName, Question

_MOST = 1000  # certificates that are kept parsed


class Sequoia:
    """pysequoia behind the interface of `engine`. Keeps what it has parsed of each certificate."""

    name: EngineName = "sequoia"

    def __init__(self) -> None:
        try:
            import pysequoia
        except ImportError:
            raise EngineMissing("pysequoia is not installed") from None
        self._library: Any = pysequoia
        self._certificates: dict[bytes, Any] = {}

    def answers(self, questions: Sequence[Question]) -> list[bool]:
        """Whether each signature is good. Raises `EngineMissing` where the library breaks."""
        return [self._good(question) for question in questions]

    def _good(self, question: Question) -> bool:
        if question.late:
            # There is no way to ask pysequoia about it. What binds the key to its owner was verified.
            return question.signature.made_by(question.maker.key, question.payload)
        data = question.data
        try:
            known = self._certificates.get(data)
            if known is None:
                if len(self._certificates) > _MOST:
                    self._certificates.clear()
                known = self._certificates[data] = self._library.Cert.from_bytes(data)
            signature = self._library.Sig.from_bytes(question.signature.packet)
            # `signature` as a keyword came with 0.1.29; an older one raises TypeError here.
            found = self._library.verify(
                bytes=question.payload, store=lambda _: [known], signature=signature
            ).valid_sigs
            return [(one.certificate.upper(), one.signing_key.upper()) for one in found] == [
                (question.certificate.fingerprint, question.maker.key.fingerprint)
            ]
        except RuntimeError:
            return False  # "no valid signatures found", or a certificate it does not read
        except BaseException as e:
            # A panic in Rust is no `Exception`, and neither is what ends the program.
            if isinstance(e, Exception) or type(e).__name__ == "PanicException":
                raise EngineMissing(f"pysequoia failed ({type(e).__name__})") from None
            raise
