"""Synthetic repositories to measure on: the same bytes on every machine, no secret inside.

The words stand in for real code: about one line in fifty of the tree, and one in three of the
keyword-dense history, has a word that scanners look for ("token", "password", "key"), with a value
that is a placeholder, a reference or a hash.
"""

import base64
import random
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

WORDS = """host server client service module option value config path file name index list item count
length buffer stream reader writer parser symbol node tree graph edge table column row cell page view
model state event handler queue worker thread lock cache store block chunk offset range limit timeout
retry error result status message header body request response session user group role policy rule
network address port route gateway domain record zone cluster volume backup restore deploy release""".split()  # noqa: SIM905


class Language(NamedTuple):
    """How a file of it is made: `head`, then any of `lines` and some of `dense` in any order, then `foot`.
    YAML, Nix and JSON are well-formed: scanners that parse must have something to parse."""

    lines: tuple[str, ...]
    dense: tuple[str, ...]
    head: str = ""
    foot: str = ""


CODE = Language(
    lines=(
        "    {a}_{b} = self.{c}.{d}({a}, {b}={n})\n",
        "    if {a} is None or {b}.{c} > {n}:\n        return {a}_{b}[{c}:{d}]\n",
        "def {a}_{b}({c}: int, {d}: str) -> bool:\n",
        "    # The {a} of a {b} is its {c} until the {d} changes.\n",
        "    for {a} in {b}.{c}(): yield {d}, {n}\n",
        "\n",
    ),
    dense=(
        '    password = os.environ["{A}_{B}_PASSWORD"]\n',
        "    # rotate the {a} secret before its api key expires\n",
        "    assert client.auth(token=fake_{a}_token, key={b}_key) == {n}\n",
        '    sha256 = "{hash}"\n',
        "export {A}_SECRET_KEY=changeme\n",
    ),
)
YAML = Language(
    lines=(
        "{a}{n}:\n  {b}: {c}-{d}\n  {b}Port: {n}\n",
        "{c}{n}:\n  - name: {a}-{b}\n    image: registry.example.org/{a}/{b}:{n}.{m}\n",
        "# {a} {b} {c}\n",
        '{b}{n}: "the {c} of {d}"\n',
    ),
    dense=(
        "{a}{n}token: ${{{{ secrets.{A}_TOKEN }}}}\n",
        "{b}{n}: {{ secretKeyRef: {{ name: {a}-{b}, key: password }} }}\n",
        "# the api key of {a} comes from the {b} secret\n",
        '{a}{n}_token: "<your {b} token>"\n',
        "{c}{n}checksum: {hash}\n",
    ),
)
NIX = Language(
    lines=(
        "  services.{a}.{b}{n} = {{\n    enable = true;\n    {c}Port = {m};\n  }};\n",
        '  {c}.{a}{n} = "{d}.example.org";\n',
        "  environment.{b}{n} = with pkgs; [ {a} {b} {c} ];\n",
        "  # {a}: {b} {c} {d}\n",
    ),
    dense=(
        "  services.{a}{n}.passwordFile = config.sops.secrets.{a}-{b}.path;\n",
        '  {a}{n}.sha256 = "{hash}";\n',
        '  sops.secrets."{a}/{n}token" = {{ }};\n',
        "  # the {a} secret and its api key are in {b}.yaml\n",
    ),
    head="{ config, lib, pkgs, ... }:\n{\n",
    foot="}\n",
)
JSON = Language(
    lines=(
        '  "{a}_{b}{n}": {n},\n',
        '  "{c}{n}": "{d} {a} {b}",\n',
        '  "{d}{n}": {{ "{b}": [{n}, {m}], "{a}": null }},\n',
    ),
    dense=('  "{a}{n}": {{ "integrity": "{sri}" }},\n', '  "{a}{n}_token": "<your {b} token>",\n'),
    head="{\n",
    foot='  "end": true\n}\n',
)
LANGUAGES = {"py": CODE, "go": CODE, "yaml": YAML, "nix": NIX, "json": JSON}


class Pool(NamedTuple):
    """Pieces of one language to draw from."""

    language: Language
    plain: list[str]
    dense: list[str]

    def draw(self, rng: random.Random, count: int, share: float = 0.02) -> list[str]:
        """`count` pieces, about a `share` of them of the kind that scanners look for."""
        return [rng.choice(self.dense if rng.random() < share else self.plain) for _ in range(count)]

    def text(self, rng: random.Random, size: int) -> str:
        """A file of about `size` characters."""
        mean = sum(map(len, self.plain)) / len(self.plain)
        return "".join([self.language.head, *self.draw(rng, max(1, int(size / mean))), self.language.foot])


def _pools(rng: random.Random, size: int) -> dict[str, Pool]:
    return {
        suffix: Pool(language, _pieces(rng, language.lines, size), _pieces(rng, language.dense, size // 4))
        for suffix, language in LANGUAGES.items()
    }


def _pieces(rng: random.Random, templates: tuple[str, ...], size: int) -> list[str]:
    pieces = []
    for _ in range(size):
        a, b, c, d = rng.choices(WORDS, k=4)
        digest = rng.randbytes(64)
        sri = "sha512-" + base64.b64encode(digest).decode()
        text = rng.choice(templates).format(
            a=a, b=b, c=c, d=d, A=a.upper(), B=b.upper(), n=rng.randrange(65536), m=rng.randrange(99),
            hash=digest[:32].hex(), sri=sri,
        )  # fmt: skip
        pieces.append(text)
    return pieces


def tree(files: int = 2000, total: int = 50_000_000) -> Iterator[tuple[str, bytes]]:
    """(path, content) of a mixed work tree: code, YAML, Nix, JSON, one file in twenty binary."""
    rng = random.Random(20)
    pools = _pools(rng, 4000)
    mean = total / files
    for number in range(files):
        size = int(mean * rng.choice((0.1, 0.3, 0.6, 1.0, 3.0)))
        folder = f"{WORDS[number % 40]}/{WORDS[(number // 40) % 60]}"
        if number % 20 == 7:
            yield f"{folder}/{number}.bin", b"\x7fELF" + rng.randbytes(size)
            continue
        suffix = rng.choice(tuple(pools))
        yield f"{folder}/{number}.{suffix}", pools[suffix].text(rng, size).encode()


def staged_text() -> bytes:
    """A 4 KB text file."""
    rng = random.Random(4)
    return _pools(rng, 400)["py"].text(rng, 5000).encode()[:4096]


def staged_nix() -> bytes:
    """A 4 KB Nix module that parses, with the options that make a scanner look twice."""
    rng = random.Random(5)
    return _pools(rng, 400)["nix"].text(rng, 4000).encode()


def repository(path: Path, files: Iterable[tuple[str, bytes]] = ()) -> Path:
    """A repository at `path` with `files` written and staged."""
    path.mkdir(parents=True)
    git(path, "init", "-q", ".")
    git(path, "commit", "-q", "--allow-empty", "-m", "start")
    for name, content in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    git(path, "add", "-A")
    return path


def history(path: Path, commits: int = 330, files: int = 160, dense: bool = False) -> Path:
    """A repository whose root commit is empty, with `commits` more on a tree of `files` small files.

    `dense`: 30 MB of patches full of the words that scanners look for. Else: a quiet repository of
    configuration, a few lines a commit.
    """
    rng = random.Random(330)
    repository(path)
    pools = _pools(rng, 2000)
    content_of: dict[str, list[str]] = {}
    stream = [b"commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 5\nstart\n"]
    for number in range(commits):
        changed: list[str] = []
        if dense:  # half of them bring a file, half rewrite two fifths of an old one; no line twice
            name = f"tests/cassettes/{number if number % 2 == 0 else rng.randrange(0, number, 2)}.yaml"
            lines = content_of.setdefault(name, [])
            new = _pieces(rng, YAML.lines * 3 + YAML.dense, 1920 if number % 2 == 0 else 740)
            start = rng.randrange(max(1, len(lines) - len(new)))
            lines[start : start + len(new)] = new
            changed.append(name)
        else:
            for _ in range(rng.choice((1, 1, 2, 4)) if number else files):
                known = sorted(content_of)
                if number and rng.random() < 0.9:
                    name = rng.choice(known)
                else:
                    name = f"{rng.choice(WORDS)}/{len(content_of)}.{rng.choice(tuple(pools))}"
                suffix = name.rpartition(".")[2]
                lines = content_of.setdefault(name, [])
                at = rng.randrange(len(lines) + 1)
                lines[at : at + 2] = pools[suffix].draw(rng, 4 if lines else 60)
                changed.append(name)
        message = f"change {number}\n".encode()
        stream.append(
            b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata %d\n%s"
            % (1700000060 + 60 * number, len(message), message)
        )
        for name in dict.fromkeys(changed):
            language = LANGUAGES[name.rpartition(".")[2]]
            content = "".join([language.head, *content_of[name], language.foot]).encode()
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content))
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=path, input=b"".join(stream), check=True)
    git(path, "reset", "-q", "--hard", "main")
    return path


def git(path: Path, *arguments: str) -> str:
    """Run git there; its output."""
    settings = ("user.name=Bench", "user.email=bench@example.org", "init.defaultBranch=main", "gc.auto=0")
    identity = [word for setting in settings for word in ("-c", setting)]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=path, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
