"""The table of faults: how each is made, in small steps, and what has to be found then.

A step is a table with `op`; in its texts `@recipient.NAME@`, `@ssh.NAME@`, `@wireguard.NAME.public@` and the
like name keys of the infrastructure, `@new.KIND@` a fresh throw-away secret.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sopsguard.document.yaml_writer import write_yaml
from sopsguard.model import Finding
from sopsguard.sops.file import SopsFile
from sopsguard.sops.file import read as read_sops
from sopsguard.sops.opening import data_key
from sopsguard.sops.rules import Scope
from tests.infrastructure.advised import indented
from tests.infrastructure.build import Infrastructure
from tests.throwaway import MAKERS

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """One finding; without a key it stands at the file as a whole."""

    rule: str
    path: str
    level: str
    key: str | None = None

    def fits(self, finding: Finding) -> bool:
        where = finding.location
        found = (finding.rule, where.path, finding.level, where.key)
        return found == (self.rule, self.path, self.level, self.key)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: `by` says what makes it (sops, hand, merge, nix, config, inventory), `part` whose rules it
    tries. `keyed`: judged with Ada's identity. `staged`: left in the index and judged by the hook, otherwise
    committed and judged by `check --all`. `why`: where the expectation comes from, if that is not plain."""

    name: str
    part: int
    by: str
    do: tuple[Step, ...]
    expect: tuple[Expected, ...]
    keyed: bool = False
    staged: bool = False
    why: str = ""

    @property
    def rules(self) -> frozenset[str]:
        return frozenset(expected.rule for expected in self.expect)

    @property
    def needs_sops(self) -> bool:
        """Whether only the real program can make it."""
        return _needs_sops(self.do)


def _needs_sops(steps: Sequence[Step]) -> bool:
    inner = [step for step in steps for step in (*step.get("ours", ()), *step.get("theirs", ()))]
    return any(step["op"] in ("sops", "edit") for step in (*steps, *inner))


def read(table: Path) -> tuple[Fault, ...]:
    """The faults of a table."""
    found = []
    for row in tomllib.loads(table.read_text())["fault"]:
        expect = tuple(Expected(**expected) for expected in row.pop("expect"))
        found.append(Fault(**{**row, "do": tuple(row["do"]), "expect": expect}))
    return tuple(found)


def apply(steps: Sequence[Step], place: Infrastructure) -> None:
    """Do the steps, one after the other, in the work tree."""
    for step in steps:
        fields = {name: _filled(value, place, name == "find") for name, value in step.items()}
        OPS[fields.pop("op")](place, **fields)


def _filled(value: Any, place: Infrastructure, escape: bool = False) -> Any:
    if isinstance(value, list):
        return [_filled(item, place) for item in value]
    if not isinstance(value, str):
        return value

    def named(match: re.Match[str]) -> str:
        text = _named(match[1], place)
        return re.escape(text) if escape else text

    return re.sub(r"@([a-z][a-z.-]+)@", named, value)


def _named(name: str, place: Infrastructure) -> str:
    kind, _, rest = name.partition(".")
    ring = place.ring
    if kind == "recipient":
        return ring.recipients[rest]
    if kind == "new":
        return MAKERS[rest]()
    if kind == "person":
        return ring.people[rest].identity
    host = {**ring.hosts, ring.retired.name: ring.retired}[rest.partition(".")[0]]
    half = rest.partition(".")[2]
    if kind == "wireguard":
        return {
            "public": host.wireguard.public,
            "private": host.wireguard.private,
            "preshared": host.preshared,
        }[half]
    if kind == "ssh":
        return {"": " ".join(host.public_line.split()[:2]), "line": host.public_line}[half]
    if kind == "sshkey":
        return indented(host.ssh.private, 6)
    if kind == "identity":
        return host.identity
    raise KeyError(name)


# --- steps ----------------------------------------------------------------------------------------------


def _sub(place: Infrastructure, path: str, find: str, with_: str = "", **named: str) -> None:
    """Edit the text of a file by hand: the first place where `find` matches."""
    file = place.root / path
    text, count = re.subn(find, named.get("with", with_), file.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1, f"{path}: nothing there to edit: {find}"
    file.write_text(text)


def _write(place: Infrastructure, path: str, text: str) -> None:
    place.repo.write(path, text)


def _append(place: Infrastructure, path: str, text: str) -> None:
    file = place.root / path
    file.write_text(file.read_text() + text)


def _move(place: Infrastructure, path: str, to: str) -> None:
    target = place.root / to
    target.parent.mkdir(parents=True, exist_ok=True)
    (place.root / path).rename(target)


def _copy(place: Infrastructure, path: str, to: str) -> None:
    place.repo.write(to, (place.root / path).read_bytes())


def _delete(place: Infrastructure, path: str) -> None:
    (place.root / path).unlink()


def _restore(place: Infrastructure, path: str, rev: str, to: str | None = None) -> None:
    """Bring back what a file held in an earlier commit."""
    place.repo.write(to or path, place.repo.run("show", f"{rev}:{path}").stdout)


def _line_from(place: Infrastructure, path: str, rev: str, find: str) -> None:
    """Bring back one line from an earlier commit, by hand."""
    old = place.repo.run("show", f"{rev}:{path}").stdout.decode()
    found = re.search(find, old, re.MULTILINE)
    assert found is not None, f"{rev}:{path}: no such line: {find}"
    _sub(place, path, find, found[0].replace("\\", "\\\\"))


def _edit(place: Infrastructure, path: str, find: str, **named: str) -> None:
    """`sops edit`: change the text in clear. (Without the program a test needs it, and is skipped.)"""
    plain = _plain(place, path)
    text, count = re.subn(find, named["with"], plain, count=1, flags=re.MULTILINE)
    assert count == 1, f"{path}: nothing there to edit: {find}"
    _edited(place, path, text)


def _plain(place: Infrastructure, path: str) -> str:
    return write_yaml(list(place.writer.opened(path).roots), 2).decode()


def _edited(place: Infrastructure, path: str, text: str) -> None:
    plain = place.root / ".git" / "edited"
    plain.write_text(text)
    place.writer.sops("edit", path, editor=f"cp {plain}")
    plain.unlink()


def _reencrypt(place: Infrastructure, path: str, find: str = "", **named: str) -> None:
    """Decrypt, change, encrypt again as the configuration says: all values under a new data key."""
    plain = _plain(place, path)
    if find:
        plain, count = re.subn(find, named["with"], plain, count=1, flags=re.MULTILINE)
        assert count == 1, f"{path}: nothing there to edit: {find}"
    place.writer.encrypt(path, plain)


def _decrypt(place: Infrastructure, path: str) -> None:
    """`sops decrypt -i`."""
    (place.root / path).write_text(_plain(place, path))


def _encrypt(
    place: Infrastructure, path: str, text: str, to: Sequence[Any] = (), scope: Step | None = None
) -> None:
    """A new file, for those whom its rule names, or for `to` (names, or lists of them: key groups)."""
    if not to:
        place.writer.encrypt(path, text)
        return
    groups = [to] if isinstance(to[0], str) else to
    names = place.ring.recipients
    place.writer.encrypt_to(path, text, [[names[name] for name in group] for group in groups], _scope(scope))


def _scope(fields: Step | None) -> Scope | None:
    return Scope(**fields) if fields else None


def _regroup(place: Infrastructure, path: str, to: Sequence[Any], scope: Step | None = None) -> None:
    """The same content encrypted anew for `to`, whatever the configuration says."""
    _encrypt(place, path, _plain(place, path), to, scope)


def _rewrap(place: Infrastructure, path: str, to: Sequence[str]) -> None:
    """The same data key for others, whatever the configuration says; nothing else is touched."""
    place.writer.rewrap(path, [place.ring.recipients.get(name, name) for name in to])


def _updatekeys(place: Infrastructure, path: str) -> None:
    place.writer.rewrap(path)


def _second_stanza(place: Infrastructure, path: str, label: str, hidden: str) -> None:
    """The data key wrapped for two, under the label of one."""
    import pyrage

    names = place.ring.recipients
    data = (place.root / path).read_bytes()
    file = read_sops(data, path)
    assert isinstance(file, SopsFile)
    found = data_key(file, place.writer.identities)
    assert isinstance(found, tuple), found
    both = [pyrage.x25519.Recipient.from_str(names[name]) for name in (label, hidden)]
    armored = bytes(pyrage.encrypt(found[0], both, armored=True)).decode().replace("\r\n", "\n")
    enc = "".join(f"            {line}\n" for line in armored.splitlines())
    entry = rf"        - enc: \|\n(?:            .*\n)+          recipient: {names[label]}\n"
    text, count = re.subn(
        entry, f"        - enc: |\n{enc}          recipient: {names[label]}\n", data.decode()
    )
    assert count == 1, f"{path}: {label} is no recipient"
    (place.root / path).write_text(text)


def _sops(place: Infrastructure, args: Sequence[str]) -> None:
    """Run the real program."""
    place.writer.sops(*args)


def _commit(place: Infrastructure, message: str = "a step on the way") -> None:
    place.repo.git("add", "-A")
    place.repo.git("commit", "-q", "-m", message)


def _merge(
    place: Infrastructure, ours: Sequence[Step], theirs: Sequence[Step], resolve: str = "markers"
) -> None:
    """Two branches; `resolve` says how the conflict is taken out of the way: its `markers` stay, the hunks of
    `ours` or `theirs` win, or `union`: the lines of both."""
    git = place.repo.git
    git("checkout", "-q", "-b", "theirs")
    apply(theirs, place)
    _commit(place, "their change")
    git("checkout", "-q", "main")
    apply(ours, place)
    _commit(place, "our change")
    if resolve == "union":
        (place.root / ".git/info").mkdir(exist_ok=True)
        (place.root / ".git/info/attributes").write_text("*.yaml merge=union\n")
    favour = [f"-X{resolve}"] if resolve in ("ours", "theirs") else []
    done = place.repo.run("merge", "-q", "--no-commit", *favour, "theirs", check=False)
    assert done.returncode == (resolve == "markers"), done.stdout.decode()


OPS: dict[str, Callable[..., None]] = {
    "sub": _sub,
    "write": _write,
    "append": _append,
    "move": _move,
    "copy": _copy,
    "delete": _delete,
    "restore": _restore,
    "line-from": _line_from,
    "edit": _edit,
    "reencrypt": _reencrypt,
    "decrypt": _decrypt,
    "encrypt": _encrypt,
    "regroup": _regroup,
    "rewrap": _rewrap,
    "updatekeys": _updatekeys,
    "second-stanza": _second_stanza,
    "sops": _sops,
    "commit": _commit,
    "merge": _merge,
}
