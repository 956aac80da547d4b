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

WORDS = """host server client service module option value config path file name index list item count
length buffer stream reader writer parser symbol node tree graph edge table column row cell page view
model state event handler queue worker thread lock cache store block chunk offset range limit timeout
retry error result status message header body request response session user group role policy rule
network address port route gateway domain record zone cluster volume backup restore deploy release""".split()  # noqa: SIM905

CODE = (
    "    {a}_{b} = self.{c}.{d}({a}, {b}={n})",
    "    if {a} is None or {b}.{c} > {n}:",
    "        return {a}_{b}[{c}:{d}]",
    "def {a}_{b}({c}: int, {d}: str) -> bool:",
    "    # The {a} of a {b} is its {c} until the {d} changes.",
    "    for {a} in {b}.{c}(): yield {d}, {n}",
    "",
)
YAML = (
    "  {a}:",
    "    {b}: {c}-{d}",
    "    {b}Port: {n}",
    "    - name: {a}-{b}",
    "      image: registry.example.org/{a}/{b}:{n}.{m}",
    "  # {a} {b} {c}",
)
NIX = (
    "  services.{a}.{b} = {{",
    "    enable = true;",
    '    {c} = "{d}.example.org";',
    "    {a}Port = {n};",
    "  }};",
    "  environment.systemPackages = with pkgs; [ {a} {b} {c} ];",
    "  # {a}: {b} {c} {d}",
)
JSON = ('  "{a}_{b}": {n},', '  "{c}": "{d} {a} {b}",', '  "{a}": {{ "{b}": [{n}, {m}] }},')
DENSE = (
    '    password = os.environ["{A}_{B}_PASSWORD"]',
    "    token: ${{{{ secrets.{A}_TOKEN }}}}",
    "    # rotate the {a} secret before its api key expires",
    '    "{a}_token": "<your {b} token>",',
    "  passwordFile = config.sops.secrets.{a}-{b}.path;",
    "    assert client.auth(token=fake_{a}_token, key={b}_key) == {n}",
    '  sha256 = "{hash}";',
    '      "integrity": "{sri}",',
    "export {A}_SECRET_KEY=changeme",
)
LANGUAGES = {"py": CODE, "go": CODE, "yaml": YAML, "nix": NIX, "json": JSON}


def _pool(rng: random.Random, templates: tuple[str, ...], size: int) -> list[str]:
    lines = []
    for _ in range(size):
        a, b, c, d = rng.choices(WORDS, k=4)
        digest = rng.randbytes(64)
        sri = "sha512-" + base64.b64encode(digest).decode()
        text = rng.choice(templates).format(
            a=a, b=b, c=c, d=d, A=a.upper(), B=b.upper(), n=rng.randrange(65536), m=rng.randrange(99),
            hash=digest[:32].hex(), sri=sri,
        )  # fmt: skip
        lines.append(text + "\n")
    return lines


def _text(rng: random.Random, pool: list[str], dense: list[str], size: int, share: float) -> str:
    """About `size` characters of lines of `pool`, a `share` of them of `dense`."""
    count = max(1, size // 37)
    lines = rng.choices(pool, k=count)
    for position in range(count):
        if rng.random() < share:
            lines[position] = rng.choice(dense)
    return "".join(lines)


def tree(files: int = 2000, total: int = 50_000_000) -> Iterator[tuple[str, bytes]]:
    """(path, content) of a mixed work tree: code, YAML, Nix, JSON, one file in twenty binary."""
    rng = random.Random(20)
    pools = {suffix: _pool(rng, templates, 4000) for suffix, templates in LANGUAGES.items()}
    dense = _pool(rng, DENSE, 2000)
    mean = total / files
    for number in range(files):
        size = int(mean * rng.choice((0.1, 0.3, 0.6, 1.0, 3.0)))
        folder = f"{WORDS[number % 40]}/{WORDS[(number // 40) % 60]}"
        if number % 20 == 7:
            yield f"{folder}/{number}.bin", b"\x7fELF" + rng.randbytes(size)
            continue
        suffix = rng.choice(tuple(pools))
        yield f"{folder}/{number}.{suffix}", _text(rng, pools[suffix], dense, size, 0.02).encode()


def staged_text() -> bytes:
    """A 4 KB text file."""
    rng = random.Random(4)
    return _text(rng, _pool(rng, CODE, 400), _pool(rng, DENSE, 50), 4096, 0.02).encode()[:4096]


def staged_nix() -> bytes:
    """A 4 KB Nix module that parses, with the options that make a scanner look twice."""
    rng = random.Random(5)
    lines = ["{ config, lib, pkgs, ... }:\n", "{\n"]
    while sum(map(len, lines)) < 3900:
        a, b, c = rng.sample(WORDS, 3)
        lines.append(
            f"  services.{a}-{len(lines)} = {{\n    enable = true;\n    {b}Port = {rng.randrange(65536)};\n"
        )
        lines.append(
            f'    {c} = "{b}.example.org";\n    passwordFile = config.sops.secrets.{a}.path;\n  }};\n'
        )
    return "".join([*lines, "}\n"]).encode()


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
    pools = {suffix: _pool(rng, templates, 2000) for suffix, templates in LANGUAGES.items()}
    tree: dict[str, list[str]] = {}
    stream = [b"commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 5\nstart\n"]
    for number in range(commits):
        changed: list[str] = []
        if dense:  # half of them bring a file, half rewrite two fifths of an old one; no line twice
            name = f"tests/cassettes/{number if number % 2 == 0 else rng.randrange(0, number, 2)}.yaml"
            lines = tree.setdefault(name, [])
            new = _pool(rng, YAML * 3 + DENSE, 2900 if number % 2 == 0 else 1160)
            start = rng.randrange(max(1, len(lines) - len(new)))
            lines[start : start + len(new)] = new
            changed.append(name)
        else:
            for _ in range(rng.choice((1, 1, 2, 4)) if number else files):
                known = sorted(tree)
                if number and rng.random() < 0.9:
                    name = rng.choice(known)
                else:
                    name = f"{rng.choice(WORDS)}/{len(tree)}.{rng.choice(tuple(pools))}"
                suffix = name.rpartition(".")[2]
                lines = tree.setdefault(name, [])
                at = rng.randrange(len(lines) + 1)
                lines[at : at + 2] = rng.choices(pools[suffix], k=6 if lines else 80)
                changed.append(name)
        message = f"change {number}\n".encode()
        stream.append(
            b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata %d\n%s"
            % (1700000060 + 60 * number, len(message), message)
        )
        for name in dict.fromkeys(changed):
            content = "".join(tree[name]).encode()
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
