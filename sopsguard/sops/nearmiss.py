"""Why a rule does not match although it nearly does; each explanation is tried out before it is given."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sopsguard.sops.config import Config
from sopsguard.sops.expression import Regex, regex
from sopsguard.sops.rules import Rule

# What is longer or comes later is not explained, so that nobody can make the explanation cost minutes.
READABLE = 500
MOST_RULES = 300

_EXTENSIONS = (".yaml", ".yml", ".json", ".env", ".ini", ".enc")


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule, and what would have to be otherwise for it to match; the smaller the `distance` the nearer."""

    rule: Rule
    reason: str
    distance: int


def near_misses(config: Config, path: str, tracked: Iterable[str] = ()) -> tuple[NearMiss, ...]:
    """The rules that nearly match `path` (repository-relative), nearest first.

    `tracked` are other files of the repository; one of the same name that the rule does match shows that
    a directory was moved or forgotten.
    """
    tested = config.relative(path)
    if tested is None:
        return ()
    name = tested.rpartition("/")[2]
    namesakes = [
        (other, relative)
        for other in tracked
        if other != path
        and other.rpartition("/")[2] == name
        and (relative := config.relative(other)) is not None
    ]
    found = []
    for rule in config.rules[:MOST_RULES]:
        expression = regex(rule.path_regex) if rule.path_regex else None
        if not isinstance(expression, Regex) or expression.found_in(tested):
            continue
        miss = next(_explanations(config, rule, expression, path, tested, namesakes), None)
        if miss is not None:
            found.append(NearMiss(rule, miss[1], miss[0]))
    return tuple(sorted(found, key=lambda miss: (miss.distance, miss.rule.index)))


def _explanations(
    config: Config, rule: Rule, expression: Regex, path: str, tested: str, namesakes: list[tuple[str, str]]
) -> Iterator[tuple[int, str]]:
    pattern = rule.path_regex
    if config.directory and expression.found_in(path):
        yield 1, f"it would match `{path}`, but sops tests `{tested}`, the path from {config.directory}/ on"
    if _found(f"(?i:{pattern})", tested):
        yield 1, "only upper and lower case differ"
    yield from _name_differs(expression, tested)
    yield from _pattern_differs(pattern, tested)
    yield from _directory_differs(expression, tested)
    for other, relative in namesakes:
        if expression.found_in(relative):
            yield 5, f"it matches `{other}`, a file of the same name in another directory; moved?"


def _name_differs(expression: Regex, tested: str) -> Iterator[tuple[int, str]]:
    directory, slash, name = tested.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        for other in _EXTENSIONS:
            if other != dot + extension and expression.found_in(f"{directory}{slash}{stem}{other}"):
                yield 1, f"it would match with the extension `{other}` instead of `.{extension}`"
        if expression.found_in(directory + slash + stem):
            yield 2, f"it would match without the ending `.{extension}`"
    parts = name.split(".")
    for drop in range(1, len(parts) - 1):
        shorter = ".".join(parts[:drop] + parts[drop + 1 :])
        if expression.found_in(directory + slash + shorter):
            yield 2, f"it would match `{shorter}`: the expression leaves no room for `.{parts[drop]}`"


def _pattern_differs(pattern: str, tested: str) -> Iterator[tuple[int, str]]:
    plain = pattern.removeprefix("^")
    for prefix in ("./", r"\./", "/"):
        if plain.startswith(prefix) and _found("^" + plain.removeprefix(prefix), tested):
            yield 1, f"it would match without the leading `{prefix}`: sops tests `{tested}`"
    if "\\" in pattern and _found(pattern.replace("\\\\", "/"), tested):
        yield 1, "it has backslashes where the path has slashes"
    glob = from_glob(pattern)
    if glob is not None and _found(glob, tested):
        yield 1, f"as a shell pattern it would match; as an expression that is `{glob}`"
    literal = re.escape(pattern)
    if literal != pattern and _found(literal, tested):
        yield 2, f"it stands in the path letter by letter; its signs need a backslash: `{literal}`"


def _directory_differs(expression: Regex, tested: str) -> Iterator[tuple[int, str]]:
    parts = tested.split("/")
    for count in range(1, min(len(parts), 8)):
        if expression.found_in("/".join(parts[count:])):
            rest, above = "/".join(parts[count:]), "/".join(parts[:count])
            yield 3, f"it would match `{rest}`, without the `{above}/` before it"
            break
    for position in range(min(len(parts) - 1, 16)):
        shorter = "/".join(parts[:position] + parts[position + 1 :])
        if expression.found_in(shorter):
            yield 4, f"it would match without the directory `{parts[position]}/`"
            break


def _found(pattern: str, text: str) -> bool:
    expression = regex(pattern)
    return isinstance(expression, Regex) and expression.found_in(text)


def from_glob(pattern: str) -> str | None:
    """The expression that a shell pattern means, or None if `pattern` does not look like one."""
    if len(pattern) > READABLE or not _GLOB.search(pattern) or re.search(r"\\|\.\*|\.\+|\[|\(|\$$", pattern):
        return None
    text = pattern.removeprefix("^").removeprefix("./")
    out = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\{[^{}]*\}|[^*?{]+|.", text, re.DOTALL):
        if piece == "**/":
            out.append("(.*/)?")
        elif piece == "**":
            out.append(".*")
        elif piece in "*?":
            out.append({"*": "[^/]*", "?": "[^/]"}[piece])
        elif piece.startswith("{") and "," in piece:
            out.append("(" + "|".join(map(re.escape, piece[1:-1].split(","))) + ")")
        else:
            out.append(re.sub(r"([.+^$|{}])", r"\\\1", piece))
    return "^" + "".join(out) + "$"


# `*` at the start, after a slash or doubled; alternatives in braces that are no repetition
_GLOB = re.compile(r"(?:^\^?|/|^\./)\*|\*\*|\{(?!\d*,?\d*\})[^{}]*,[^{}]*\}")


def glob_words(pattern: str) -> str:
    """What the misread part of a shell pattern means to sops."""
    if re.search(r"/\*", pattern):
        return "`/*` means any number of slashes"
    if "{" in pattern:
        return "braces stand for themselves"
    return "`*` repeats what stands before it"


_EXTENSION = re.compile(r"\.(?=(?:ya?\??ml|yml|json|env|ini|enc|age|sops|txt|conf|key|pem)\b)")


def _each(mend: Callable[[str], str]) -> Callable[[str], str]:
    """`mend` applied to every alternative of a plain expression; with brackets in it the place to mend is
    not certain, and it stays as it is."""

    def mended(pattern: str) -> str:
        return pattern if "(" in pattern or "[" in pattern else "|".join(map(mend, pattern.split("|")))

    return mended


def _escape_dots(branch: str) -> str:
    return re.sub(r"(?<!\\)\.(?![*+?{])", r"\\.", branch) if _EXTENSION.search(branch) else branch


def _anchored_start(branch: str) -> str:
    return f"(^|/){branch}" if re.match(r"[\w-]", branch) else branch


def _anchored_end(branch: str) -> str:
    return branch + "$" if re.search(r"\.(?:ya\??ml|yml|json|env|ini|enc)$", branch) else branch


# What people forget in an expression, in words, and how it would read otherwise.
FORGOTTEN: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("has a dot that stands for any character", _each(_escape_dots)),
    ("does not end at the end of the name", _each(_anchored_end)),
    ("may start in the middle of a name", _each(_anchored_start)),
)
