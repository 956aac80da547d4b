"""Which values of a file sops encrypts: six selection fields, matched against single path components.

Source: sops 3.13.2 `shouldBeEncrypted`. An expression that RE2 cannot compile matches nothing, silently.
"""

from collections.abc import Iterable, Sequence

from sopsguard.sops.expression import BadRegex, NoEngine, Regex, regex
from sopsguard.sops.rules import Scope

_REGEXES = ("unencrypted_regex", "encrypted_regex", "unencrypted_comment_regex", "encrypted_comment_regex")


class Selection:
    """A scope, ready to be asked.

    `invalid` maps the fields whose expression RE2 refuses to the reason; `missing` says why nothing can be
    decided (no RE2 engine), or is `None`.
    """

    __slots__ = ("_bits", "_regexes", "invalid", "missing", "needs_comments", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.invalid: dict[str, str] = {}
        self.missing: NoEngine | None = None
        self._regexes: dict[str, Regex] = {}
        self._bits: dict[str, int] = {}
        self.needs_comments = bool(scope.unencrypted_comment_regex or scope.encrypted_comment_regex)
        for name in _REGEXES:
            pattern: str = getattr(scope, name)
            if not pattern:
                continue
            compiled = regex(pattern)
            if isinstance(compiled, Regex):
                self._regexes[name] = compiled
            elif isinstance(compiled, BadRegex):
                self.invalid[name] = compiled.reason
            else:
                self.missing = compiled

    def component(self, name: str) -> int:
        """What one path component matches, as bits; those of a path are or-ed together for `decide`."""
        bits = self._bits.get(name)
        if bits is None:
            scope = self.scope
            bits = (
                (1 if scope.unencrypted_suffix and name.endswith(scope.unencrypted_suffix) else 0)
                | (2 if scope.encrypted_suffix and name.endswith(scope.encrypted_suffix) else 0)
                | (4 if self._found("unencrypted_regex", name) else 0)
                | (8 if self._found("encrypted_regex", name) else 0)
            )
            if len(self._bits) < 10_000:
                self._bits[name] = bits
        return bits

    def _found(self, field: str, text: str) -> bool:
        compiled = self._regexes.get(field)
        return compiled is not None and compiled.found_in(text)

    def decide(
        self, bits: int, comments: Sequence[Sequence[str]] = (), is_comment: bool = False
    ) -> bool | None:
        """Whether a value is encrypted; `None` if only an RE2 engine could tell.

        `bits` are those of the path. `comments` are the active comments, one list per level, the innermost
        last; for a comment (`is_comment`) they end with itself.
        """
        if self.missing is not None:
            return None
        scope = self.scope
        encrypted = True
        if scope.unencrypted_suffix and bits & 1:
            encrypted = False
        if scope.encrypted_suffix:
            encrypted = bool(bits & 2)
        if scope.unencrypted_regex and bits & 4:
            encrypted = False
        if scope.encrypted_regex:
            encrypted = bool(bits & 8)
        if scope.unencrypted_comment_regex and self._any("unencrypted_comment_regex", comments):
            encrypted = False
        if scope.encrypted_comment_regex:
            if is_comment:  # a comment does not select itself
                comments = [*comments[:-1], comments[-1][:-1]]
            encrypted = self._any("encrypted_comment_regex", comments)
        return encrypted

    def _any(self, field: str, comments: Iterable[Sequence[str]]) -> bool:
        compiled = self._regexes.get(field)
        return compiled is not None and any(compiled.found_in(text) for level in comments for text in level)

    def selects(self, path: Iterable[str], comments: Sequence[Sequence[str]] = ()) -> bool | None:
        """Whether the value at a path of mapping keys is encrypted."""
        bits = 0
        for name in path:
            bits |= self.component(name)
        return self.decide(bits, comments)
