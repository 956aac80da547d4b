"""What the plaintext scan answers: hits, the problems on the way, and the result that holds both."""

from typing import NamedTuple

from sopsguard.model import Confidence

PRIVATE_KEY = "plaintext-private-key"
TOKEN = "plaintext-token"  # noqa: S105  (the id of a rule)
PASSWORD = "plaintext-password"  # noqa: S105
KUBERNETES = "plain-kubernetes-secret"
LEFTOVER = "decrypted-leftover"


# Keys that everybody has, by their public half: the manual wg(8), RFC 7748 6.1 (Alice and Bob), the tests of
# sops itself. A hit of the kind `SAMPLE` takes the place of any other there and is not reported.
SAMPLE = "published-sample"
PUBLISHED = (
    "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=",
    "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
    "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
    "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun",
)


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
