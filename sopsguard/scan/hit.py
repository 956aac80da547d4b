"""What the plaintext scan answers: hits, the problems on the way, and the result that holds both."""

from typing import NamedTuple

from sopsguard.model import Confidence

PRIVATE_KEY = "plaintext-private-key"
TOKEN = "plaintext-token"  # noqa: S105  (the id of a rule)
PASSWORD = "plaintext-password"  # noqa: S105
KUBERNETES = "plain-kubernetes-secret"
LEFTOVER = "decrypted-leftover"


class Hit(NamedTuple):
    """A secret and where it stands: `start` and `end` are byte offsets in the outermost data.

    `kind` is the id of the pattern or the kind of key, `layers` the way through encodings from the
    outside in, `public` the derived public halves, `key` the dotted path where one is known.
    """

    rule: str
    kind: str
    title: str
    start: int
    end: int
    secret: bytes
    confidence: Confidence = Confidence.LIKELY
    layers: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    key: str = ""

    def __repr__(self) -> str:
        return f"Hit({self.rule}, {self.kind}, {self.start}, {self.end}, {self.confidence}, {self.layers})"


class Problem(NamedTuple):
    """A part of the data that could not be judged: from `start` to `end`, why, and what would be needed."""

    start: int
    end: int
    reason: str
    needed: str


class Result(NamedTuple):
    """Everything found in one piece of data, in the order of the data."""

    hits: tuple[Hit, ...]
    unknown: tuple[Problem, ...]
