"""Random lives of a repository of secrets, made with real ciphertext, and what is true of them.

A life is a graph of commits. Every file is a real SOPS file, made by our editor or by a real sops; beside
it stands what it says in clear, who can open it and which data key it has. From that the truth is told
without any ciphertext, and held against what the engine says of the ciphertext alone.
"""

import hashlib
import os
import random
import string
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyrage

from sopsguard.git import Commit
from sopsguard.snapshot import FILE, Change, Entry, Piece, Unreadable
from sopsguard.sops import editor
from sopsguard.sops.identity import Identities, Identity
from sopsguard.sops.masterkey import age_key

Leaf = tuple[str | int, ...]
Doc = dict[str, Any]
START = 1_600_000_000  # seconds: the true time of the first commit
DAY = 86400


@cache
def people() -> tuple[tuple[str, ...], Identities, tuple[str, ...]]:
    """Five recipients, and the identities of all of them, also as text."""
    identities = [pyrage.x25519.Identity.generate() for _ in range(5)]
    return (
        tuple(str(one.to_public()) for one in identities),
        Identities(tuple(Identity(f"person {n}", one) for n, one in enumerate(identities))),
        tuple(map(str, identities)),
    )


Groups = tuple[tuple[str, ...], ...]


class Engine(Protocol):
    """What makes ciphertext: our own editor, or a real sops."""

    def encrypt(self, doc: Doc, groups: Groups) -> bytes: ...

    def write(self, data: bytes, old: Doc, new: Doc, /) -> bytes:
        """The file after an edit from one content to another."""
        ...

    def rotate(self, data: bytes) -> bytes: ...

    def updatekeys(self, data: bytes, groups: Groups) -> bytes: ...


class Ours:
    """Our own editor."""

    def __init__(self) -> None:
        self._time = START

    def _now(self) -> str:
        self._time += 1
        return datetime.fromtimestamp(self._time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def encrypt(self, doc: Doc, groups: Groups) -> bytes:
        return editor.encrypt(text(doc).encode(), "yaml", groups, self._now())

    def write(self, data: bytes, old: Doc, new: Doc, /) -> bytes:
        changes: list[Any] = []
        before, after = dict(leaves(old)), dict(leaves(new))
        for leaf in before:
            if leaf not in after and not isinstance(leaf[-1], int):
                changes.append(editor.Unset(leaf))
        for leaf, value in after.items():
            if before.get(leaf) != value and not isinstance(leaf[-1], int):
                changes.append(editor.Set(leaf, value))
        if old.get("list") != new.get("list"):
            changes.append(editor.Set(("list",), new["list"]))
        return editor.edit(data, "s.yaml", changes, people()[1], self._now())

    def rotate(self, data: bytes) -> bytes:
        return editor.rotate(data, "s.yaml", people()[1], self._now())

    def updatekeys(self, data: bytes, groups: Groups) -> bytes:
        keys = [[age_key(who) for who in group] for group in groups]
        threshold = len(groups) if len(groups) > 1 else None
        return editor.update_keys(data, "s.yaml", keys, people()[1], threshold)


class RealSops:
    """A real sops in a folder of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        (folder / "keys.txt").write_text("".join(f"{one}\n" for one in people()[2]))

    def encrypt(self, doc: Doc, groups: Groups) -> bytes:
        assert len(groups) == 1
        return self._run(text(doc).encode(), "encrypt", "-i", "--age", ",".join(groups[0]), "s.yaml")

    def write(self, data: bytes, _: Doc, new: Doc, /) -> bytes:
        (self.folder / "new.yaml").write_text(text(new))
        return self._run(data, "edit", "s.yaml")

    def rotate(self, data: bytes) -> bytes:
        return self._run(data, "rotate", "-i", "s.yaml")

    def updatekeys(self, data: bytes, groups: Groups) -> bytes:
        lines = "".join(f"      - age: [{', '.join(group)}]\n" for group in groups)
        config = self.folder / ".sops.yaml"
        config.write_text(f"creation_rules:\n  - key_groups:\n{lines}")
        written = self._run(data, "updatekeys", "-y", "s.yaml")
        config.unlink()
        return written

    def _run(self, data: bytes, *arguments: str) -> bytes:
        path = self.folder / "s.yaml"
        path.write_bytes(data)
        env = {"SOPS_AGE_KEY_FILE": str(self.folder / "keys.txt"), "EDITOR": f"cp {self.folder / 'new.yaml'}"}
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return path.read_bytes()


def text(doc: Doc, indent: str = "") -> str:
    """The document as YAML."""
    lines = []
    for key, value in doc.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{key}:\n{text(value, indent + '    ')}")
        elif isinstance(value, list):
            lines.append(f"{indent}{key}:\n" + "".join(f"{indent}    - {one}\n" for one in value))
        else:
            lines.append(f"{indent}{key}: {value}\n")
    return "".join(lines)


def leaves(doc: Any, path: Leaf = ()) -> Iterator[tuple[Leaf, str]]:
    """Every value with its path."""
    if isinstance(doc, dict | list):
        for key, value in doc.items() if isinstance(doc, dict) else enumerate(doc):
            yield from leaves(value, (*path, key))
    else:
        yield path, doc


def copied(doc: Any) -> Any:
    if isinstance(doc, dict):
        return {key: copied(value) for key, value in doc.items()}
    return list(doc) if isinstance(doc, list) else doc


@dataclass(frozen=True)
class File:
    """One version: the bytes, and the truth about them."""

    data: bytes
    doc: Doc
    groups: Groups
    key: int
    kind: str = "sops"

    @property
    def openers(self) -> frozenset[str]:
        """Who can open it alone."""
        if self.kind != "sops" or len(self.groups) != 1:
            return frozenset()
        return frozenset(self.groups[0])

    @property
    def readers(self) -> frozenset[str]:
        return (
            frozenset(who for group in self.groups for who in group) if self.kind == "sops" else frozenset()
        )


Place = tuple[str, str]  # path of the file, key of the value


@dataclass(frozen=True)
class Node:
    """One commit. `moved` are new places of values and their old ones, `again` the commits from which values
    were taken."""

    parents: tuple[int, ...]
    tree: Mapping[str, File]
    time: int
    author: int
    committer: int
    moved: Mapping[Place, Place] = field(default_factory=dict)
    what: str = ""
    again: Mapping[Place, int] = field(default_factory=dict)


# After these nobody can tell from ciphertext whether a value was changed.
FUZZY = frozenset(
    ("reencrypt", "reencrypt+change", "rename", "rename+edit", "rename+reencrypt", "rename key", "move value",
     "copy over", "restore", "delete", "clear", "broken", "merge by hand", "pick theirs", "squash"),
)  # fmt: skip


class Life:
    """Grows a graph of commits, one random step after the other."""

    def __init__(self, seed: int, engine: Engine, *, plain: bool = False, skew: bool = False) -> None:
        self.random = random.Random(seed)
        self.engine, self.plain, self.skew = engine, plain, skew
        # A value that was changed and changed back is another one to whoever has no key: what then comes
        # from old versions may be known to more people than can be told.
        self.backs = plain or seed % 4 == 0
        self.nodes: list[Node] = []
        self.branches: dict[str, int] = {}
        self.now = "main"
        self.keys = 0

    # --- growing ------------------------------------------------------------------------------------

    def grow(self, steps: int) -> None:
        self._commit({"a.yaml": self._new_file()}, "begin")
        makers = self._makers()
        for _ in range(steps):
            self.now = self.random.choice(list(self.branches))
            self.random.choice(makers)()
        if self.random.random() < 0.7:
            self.now = "main"
            while len(self.branches) > 1:
                self._merge()

    @property
    def tip(self) -> int:
        return self.branches["main"]

    def _makers(self) -> list[Callable[[], None]]:
        plain = [
            *(self._set, self._set, self._edit, self._set_back, self._add, self._unset, self._list),
            *(self._rotate, self._rotate, self._updatekeys, self._updatekeys, self._groups, self._branch),
            *(self._merge, self._merge, self._pick, self._other_file, self._copy, self._set_and_rotate),
        ]
        if self.plain:
            return plain
        return [
            *plain,
            *(self._reencrypt, self._reencrypt, self._reencrypt_change, self._rename, self._rename),
            *(self._rename_edit, self._rename_reencrypt, self._rename_key, self._move_value),
            *(self._copy_over, self._restore, self._delete, self._clear, self._broken, self._squash),
        ]

    def _tree(self) -> dict[str, File]:
        return dict(self.nodes[self.branches[self.now]].tree)

    def _commit(
        self,
        tree: Mapping[str, File],
        what: str,
        parents: tuple[int, ...] | None = None,
        moved: Mapping[Place, Place] | None = None,
        author: int | None = None,
        again: Mapping[Place, int] | None = None,
    ) -> None:
        if parents is None:
            parents = (self.branches[self.now],) if self.now in self.branches else ()
        number = len(self.nodes)
        time = START + number * 3 * DAY
        committer = time
        if self.skew and self.random.random() < 0.15:
            committer = self.random.choice([0, 1, 3_900_000_000, time + 20000 * DAY])
        self.nodes.append(
            Node(
                parents,
                dict(tree),
                time,
                author if author is not None else committer,
                committer,
                moved or {},
                what,
                again or {},
            )
        )
        self.branches[self.now] = number

    def _word(self) -> str:
        return "v" + "".join(self.random.choices(string.ascii_lowercase, k=self.random.choice((7, 7, 11))))

    def _key(self) -> int:
        self.keys += 1
        return self.keys

    def _new_file(self) -> File:
        doc: Doc = {
            "one": self._word(),
            "two": self._word(),
            "db": {"user": self._word(), "pass": self._word()},
        }
        if self.random.random() < 0.5:
            doc["list"] = [self._word() for _ in range(self.random.randint(1, 3))]
        if self.random.random() < 0.15:
            doc = {"one": self._word()}
        groups = (tuple(self.random.sample(people()[0], self.random.randint(1, 4))),)
        return File(self.engine.encrypt(doc, groups), doc, groups, self._key())

    def _pick_file(self, *, clear: bool = False) -> tuple[dict[str, File], str] | None:
        tree = self._tree()
        paths = [path for path, file in tree.items() if clear or file.kind == "sops"]
        return (tree, self.random.choice(paths)) if paths else None

    def _write(self, file: File, doc: Doc) -> File:
        if doc == file.doc:
            return file
        return replace(file, data=self.engine.write(file.data, file.doc, doc), doc=doc)

    def _changed(self, change: Callable[[Doc], object], what: str) -> None:
        if (picked := self._pick_file()) is None:
            return
        tree, path = picked
        doc = copied(tree[path].doc)
        change(doc)
        if not doc or doc == tree[path].doc:
            return
        tree[path] = self._write(tree[path], doc)
        self._commit(tree, what)

    def _place(self, doc: Doc) -> tuple[Doc, str] | None:
        places = [(doc, key) for key, value in doc.items() if isinstance(value, str)]
        places += [(doc["db"], key) for key in doc.get("db", {})]
        return self.random.choice(places) if places else None

    def _put(self, doc: Doc, word: str) -> None:
        if (place := self._place(doc)) is not None:
            place[0][place[1]] = word

    def _set(self) -> None:
        self._changed(lambda doc: self._put(doc, self._word()), "set")

    def _set_back(self) -> None:
        """To what stood at the same place before."""
        if not self.backs or (picked := self._pick_file()) is None:
            return
        tree, path = picked
        number = self.random.choice(sorted(self.ancestors(self.branches[self.now])))
        old, doc = self.nodes[number].tree.get(path), copied(tree[path].doc)
        name = self.random.choice(("one", "two", "three"))
        if old is None or not isinstance(old.doc.get(name), str) or not isinstance(doc.get(name), str):
            return
        doc[name] = old.doc[name]
        if doc != tree[path].doc:
            tree[path] = self._write(tree[path], doc)
            self._commit(tree, "set")

    def _edit(self) -> None:
        def change(doc: Doc) -> None:
            for _ in range(3):
                self._put(doc, self._word())

        self._changed(change, "edit")

    def _add(self) -> None:
        name = self.random.choice(("three", "four", "five", "six"))
        self._changed(lambda doc: doc.setdefault(name, self._word()), "add")

    def _unset(self) -> None:
        def change(doc: Doc) -> None:
            keys = [key for key in ("two", "three", "four", "five", "six") if key in doc]
            if keys:
                del doc[self.random.choice(keys)]

        self._changed(change, "unset")

    def _list(self) -> None:
        def change(doc: Doc) -> None:
            if "list" in doc:
                how = self.random.random()
                if how < 0.4:
                    doc["list"].append(self._word())
                elif how < 0.7:
                    doc["list"][self.random.randrange(len(doc["list"]))] = self._word()
                elif len(doc["list"]) > 1:
                    del doc["list"][self.random.randrange(len(doc["list"]))]

        self._changed(change, "list")

    def _rotate(self) -> None:
        if (picked := self._pick_file()) is not None:
            tree, path = picked
            tree[path] = replace(tree[path], data=self.engine.rotate(tree[path].data), key=self._key())
            self._commit(tree, "rotate")

    def _set_and_rotate(self) -> None:
        """Several commands in one commit; with two values the one that stays shows what was done."""
        if (picked := self._pick_file()) is not None:
            tree, path = picked
            doc = copied(tree[path].doc)
            if len(list(leaves(doc))) < 3:
                return
            self._put(doc, self._word())
            file = self._write(tree[path], doc)
            tree[path] = replace(file, data=self.engine.rotate(file.data), key=self._key())
            self._commit(tree, "set+rotate")

    def _updatekeys(self) -> None:
        if (picked := self._pick_file()) is not None:
            tree, path = picked
            groups = (tuple(self.random.sample(people()[0], self.random.randint(1, 4))),)
            self._rewrap(tree, path, groups, "updatekeys")

    def _groups(self) -> None:
        if (picked := self._pick_file()) is not None and self.random.random() < 0.5:
            tree, path = picked
            who = self.random.sample(people()[0], 4)
            self._rewrap(tree, path, (tuple(who[:2]), tuple(who[2:])), "groups")

    def _rewrap(self, tree: dict[str, File], path: str, groups: Groups, what: str) -> None:
        old = tree[path]
        if sorted(map(sorted, groups)) == sorted(map(sorted, old.groups)):
            return
        tree[path] = replace(old, data=self.engine.updatekeys(old.data, groups), groups=groups)
        self._commit(tree, what)

    def _other_file(self) -> None:
        tree = self._tree()
        path = self.random.choice(("b.yaml", "c.yaml", "d/e.yaml"))
        if path not in tree and self.random.random() < 0.6:
            tree[path] = self._new_file()
            self._commit(tree, "new file")

    def _copy(self) -> None:
        if (picked := self._pick_file()) is not None:
            tree, path = picked
            new = self.random.choice(("copy.yaml", "d/copy.yaml"))
            if new not in tree:
                tree[new] = tree[path]
                self._commit(tree, "copy", moved=self._same_places(new, path, tree[new].doc))

    # --- where ciphertext tells less ------------------------------------------------------------------

    def _fresh(self, file: File, doc: Doc | None = None, groups: Groups | None = None) -> File:
        doc, groups = doc or file.doc, groups or file.groups
        if len(groups) > 1 or self.random.random() < 0.4:
            groups = (tuple(self.random.sample(people()[0], self.random.randint(1, 4))),)
        return File(self.engine.encrypt(doc, groups), doc, groups, self._key())

    def _reencrypt(self) -> None:
        if (picked := self._pick_file(clear=True)) is not None:
            tree, path = picked
            tree[path] = self._fresh(tree[path])
            self._commit(tree, "reencrypt")

    def _reencrypt_change(self) -> None:
        if (picked := self._pick_file(clear=True)) is not None:
            tree, path = picked
            doc = copied(tree[path].doc)
            self._put(doc, self._word())
            tree[path] = self._fresh(tree[path], doc)
            self._commit(tree, "reencrypt+change")

    def _renamed(self, change: Callable[[File], File], what: str) -> None:
        if (picked := self._pick_file()) is not None:
            tree, path = picked
            new = self.random.choice(("a.yaml", "n.yaml", "d/n.yaml", "m.yaml"))
            if new in tree:
                return
            tree[new] = change(tree.pop(path))
            self._commit(tree, what, moved=self._same_places(new, path, tree[new].doc))

    def _same_places(self, new: str, old: str, doc: Doc) -> dict[Place, Place]:
        return {(new, dotted(leaf)): (old, dotted(leaf)) for leaf, _ in leaves(doc)}

    def _rename(self) -> None:
        self._renamed(lambda file: file, "rename")

    def _rename_edit(self) -> None:
        def change(file: File) -> File:
            doc = copied(file.doc)
            self._put(doc, self._word())
            return self._write(file, doc)

        self._renamed(change, "rename+edit")

    def _rename_reencrypt(self) -> None:
        self._renamed(self._fresh, "rename+reencrypt")

    def _rename_key(self) -> None:
        if (picked := self._pick_file()) is not None:
            tree, path = picked
            doc = copied(tree[path].doc)
            old = self.random.choice(list(doc))
            new = self.random.choice(("seven", "eight"))
            if new in doc or old == "list":
                return
            moved = {
                (path, dotted((new, *leaf[1:]))): (path, dotted(leaf)) for leaf, _ in leaves({old: doc[old]})
            }
            doc[new] = doc.pop(old)
            tree[path] = self._write(tree[path], doc)
            self._commit(tree, "rename key", moved=moved)

    def _move_value(self) -> None:
        """Cut from one file, pasted into another."""
        tree = self._tree()
        paths = [path for path, file in tree.items() if file.kind == "sops"]
        if len(paths) < 2:
            return
        source, target = self.random.sample(paths, 2)
        one, other = copied(tree[source].doc), copied(tree[target].doc)
        names = [name for name in one if isinstance(one[name], str)]
        if len(one) < 2 or not names:
            return
        name, new = self.random.choice(names), self.random.choice(("nine", "ten"))
        if new in other:
            return
        other[new] = one.pop(name)
        tree[source], tree[target] = self._write(tree[source], one), self._write(tree[target], other)
        self._commit(tree, "move value", moved={(target, new): (source, name)})

    def _copy_over(self) -> None:
        tree = self._tree()
        paths = [path for path, file in tree.items() if file.kind == "sops"]
        if len(paths) > 1:
            source, target = self.random.sample(paths, 2)
            if tree[source].data != tree[target].data:
                moved = self._same_places(target, source, tree[source].doc)
                for leaf, _ in leaves(tree[target].doc):
                    moved.pop((target, dotted(leaf)), None)
                tree[target] = tree[source]
                self._commit(tree, "copy over", moved=moved)

    def _restore(self) -> None:
        """A file as it was in an older commit."""
        number = self.random.choice(sorted(self.ancestors(self.branches[self.now])))
        old = self.nodes[number]
        tree = self._tree()
        path = self.random.choice(list(old.tree) or [""])
        if path and (path not in tree or tree[path].data != old.tree[path].data):
            tree[path] = old.tree[path]
            self._commit(tree, "restore", again=self._taken([path], number))

    def _taken(self, paths: Iterable[str], number: int) -> dict[Place, int]:
        return {
            (path, dotted(leaf)): number
            for path in paths
            for leaf, _ in leaves(self.nodes[number].tree[path].doc)
        }

    def _delete(self) -> None:
        if (picked := self._pick_file(clear=True)) is not None and self.random.random() < 0.4:
            tree, path = picked
            del tree[path]
            if tree:
                self._commit(tree, "delete")

    def _clear(self) -> None:
        if (picked := self._pick_file()) is not None and self.random.random() < 0.5:
            tree, path = picked
            doc = copied(tree[path].doc)
            if self.random.random() < 0.5:
                self._put(doc, self._word())
            tree[path] = replace(tree[path], data=text(doc).encode(), doc=doc, kind="clear")
            self._commit(tree, "clear")

    def _broken(self) -> None:
        if (picked := self._pick_file()) is not None and self.random.random() < 0.5:
            tree, path = picked
            before = self._tree()
            good = tree[path]
            tree[path] = replace(good, data=good.data + b"<<<<<<< ours\n", kind="broken")
            self._commit(tree, "broken")
            doc = copied(good.doc)
            if self.random.random() < 0.5:
                self._put(doc, self._word())
            before[path] = self._write(good, doc)
            self._commit(before, "mended")

    def _squash(self) -> None:
        """Several steps whose result is one commit."""
        start, count = self.branches[self.now], len(self.nodes)
        for _ in range(3):
            self.random.choice((self._set, self._rotate, self._reencrypt, self._updatekeys, self._add))()
        tree, time = self._tree(), START + count * 3 * DAY
        del self.nodes[count:]
        self.branches[self.now] = start
        if tree != self.nodes[start].tree:
            self.nodes.append(Node((start,), tree, time, time, time, {}, "squash"))
            self.branches[self.now] = count

    # --- branches -------------------------------------------------------------------------------------

    def ancestors(self, number: int) -> set[int]:
        """The commit and all before it."""
        found, pending = {number}, [number]
        while pending:
            for parent in self.nodes[pending.pop()].parents:
                if parent not in found:
                    found.add(parent)
                    pending.append(parent)
        return found

    def _branch(self) -> None:
        if len(self.branches) < 4:
            self.branches[f"side{len(self.nodes)}"] = self.branches[self.now]

    def _merge(self) -> None:
        others = [name for name in self.branches if name != self.now]
        if not others:
            return
        names = others if len(others) > 1 and self.random.random() < 0.3 else [self.random.choice(others)]
        mine = self.branches[self.now]
        theirs = [self.branches[name] for name in names]
        for name in names:
            if name != "main":
                del self.branches[name]
        theirs = [n for n in dict.fromkeys(theirs) if n not in self.ancestors(mine)]
        if not theirs:
            return
        tree, by_hand = self._tree(), False
        for other in theirs:
            tree, hand = self._merged(tree, mine, other)
            by_hand = by_hand or hand
        self._commit(tree, "merge by hand" if by_hand else "merge", parents=(mine, *theirs))

    def _merged(self, mine: dict[str, File], us: int, them: int) -> tuple[dict[str, File], bool]:
        base = self.nodes[max(self.ancestors(us) & self.ancestors(them))].tree
        theirs, by_hand = self.nodes[them].tree, False
        for path in {*base, *mine, *theirs}:
            old, one, other = base.get(path), mine.get(path), theirs.get(path)
            if _same(one, other) or _same(other, old):
                continue
            if _same(one, old) or (not self.plain and self.random.random() < 0.3):
                if other is None:
                    del mine[path]
                else:
                    mine[path] = other
            elif one is None or other is None or self.plain or self.random.random() < 0.5:
                continue  # ours
            elif one.kind == other.kind == "sops":
                doc = copied(one.doc)
                for leaf, value in leaves(other.doc):
                    if len(leaf) == 1 and isinstance(doc.get(str(leaf[0])), str):
                        doc[str(leaf[0])] = value
                mine[path] = self._write(one, doc)
                by_hand = True
        return mine, by_hand

    def _pick(self) -> None:
        """A cherry-pick."""
        here = self.branches[self.now]
        known = self.ancestors(here)
        choices = [
            n
            for n, node in enumerate(self.nodes)
            if n not in known and len(node.parents) == 1 and node.what != "copy"
        ]
        if not choices:
            return
        number = self.random.choice(choices)
        picked, before = self.nodes[number], self.nodes[self.nodes[number].parents[0]].tree
        tree, clean = self._tree(), True
        for path in {*picked.tree, *before}:
            new, old = picked.tree.get(path), before.get(path)
            if _same(new, old):
                continue
            if not _same(tree.get(path), old):
                clean = False
            if new is None:
                tree.pop(path, None)
            else:
                tree[path] = new
        if tree == self._tree() or (self.plain and not clean):
            return
        what = picked.what if clean else "pick theirs"
        again = self._taken(
            [path for path in picked.tree if _same(tree.get(path), picked.tree[path])], number
        )
        self._commit(tree, what, moved=picked.moved if clean else {}, author=picked.author, again=again)

    # --- the truth ------------------------------------------------------------------------------------

    @property
    def is_plain(self) -> bool:
        """Whether nothing happened after which ciphertext does not tell."""
        return not any(self.nodes[n].what in FUZZY for n in self.ancestors(self.tip))

    def values(self, number: int) -> dict[Place, str]:
        """Every value of a commit in clear."""
        return {
            (path, dotted(leaf)): value
            for path, file in self.nodes[number].tree.items()
            for leaf, value in leaves(file.doc)
        }

    def last_change(self, place: Place) -> frozenset[int]:
        """The commits that brought the value as it stands now: more than one if it was picked and merged."""
        known: dict[tuple[int, Place], frozenset[int]] = {}
        contents = [self.values(n) for n in range(len(self.nodes))]

        def at(number: int, place: Place) -> frozenset[int]:
            if (number, place) in known:
                return known[number, place]
            node, value = self.nodes[number], contents[number][place]
            found: set[int] = set()
            for parent in node.parents:
                before = contents[parent]
                sources = [one for one in (place, node.moved.get(place)) if one is not None]
                if place[1].startswith("list."):  # elements have no place of their own
                    sources += [
                        one
                        for one in before
                        if one[1].startswith("list.") and one[0] in {path for path, _ in sources}
                    ]
                for source in sources:
                    if before.get(source) == value:
                        found |= at(parent, source)
            if not found:
                found.add(number)
                old = node.again.get(place)
                if old is not None and contents[old].get(place) == value:
                    found |= at(old, place)
                    for parent in node.parents:  # or from a copy that still stood
                        for source, same in contents[parent].items():
                            if same == value:
                                found |= at(parent, source)
            known[number, place] = frozenset(found)
            return known[number, place]

        return at(self.tip, place)

    def could_open(self, value: str, since: Iterable[int] = ()) -> frozenset[str]:
        """Who could open a version with this value alone; with `since` only those from these commits on."""
        numbers = self.ancestors(self.tip)
        if since := tuple(since):
            numbers = {n for n in numbers if any(first in self.ancestors(n) for first in since)}
        return frozenset(
            who
            for n in numbers
            for file in self.nodes[n].tree.values()
            if any(one == value for _, one in leaves(file.doc))
            for who in file.openers
        )

    def had_key(self, key: int) -> frozenset[str]:
        """Who could open a version with this data key alone."""
        return frozenset(
            who
            for n in self.ancestors(self.tip)
            for file in self.nodes[n].tree.values()
            if file.key == key
            for who in file.openers
        )

    # --- told as history --------------------------------------------------------------------------------

    def walk(self) -> "Told":
        return Told(self)

    def fast_import(self) -> bytes:
        """The same as a stream for `git fast-import`, on `main`."""
        out: list[bytes] = []
        for n in sorted(self.ancestors(self.tip)):
            node = self.nodes[n]
            who = b"Ada <ada@example.org>"
            out.append(b"commit refs/heads/main\nmark :%d\n" % (n + 1))
            out.append(
                b"author %b %d +0000\ncommitter %b %d +0000\n" % (who, node.author, who, node.committer)
            )
            out.append(b"data 1\nx\n")
            for place, parent in enumerate(node.parents):
                out.append(b"%b :%d\n" % (b"merge" if place else b"from", parent + 1))
            out.append(b"deleteall\n")
            for path, file in node.tree.items():
                out.append(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(file.data), file.data))
        return b"".join(out)


def _same(one: File | None, other: File | None) -> bool:
    return one is other or (one is not None and other is not None and one.data == other.data)


def dotted(leaf: Leaf) -> str:
    return ".".join(map(str, leaf))


class Told:
    """A life as the engine asks for it, without git."""

    direct = False

    def __init__(self, life: Life) -> None:
        self._life = life
        self._blobs: dict[str, bytes] = {}

    def lineage(self) -> Iterator[Commit]:
        nodes = self._life.nodes
        for n in sorted(self._life.ancestors(self._life.tip)):
            node = nodes[n]
            before = nodes[node.parents[0]].tree if node.parents else {}
            changes = [
                Change(path, None, None if path not in node.tree else self._entry(path, node.tree[path].data))
                for path in sorted({*before, *node.tree})
                if not _same(before.get(path), node.tree.get(path))
            ]
            yield Commit(oid(n), tuple(map(oid, node.parents)), node.author, node.committer, tuple(changes))

    def _entry(self, path: str, data: bytes) -> Entry:
        name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self._blobs[name] = data
        return Entry(path, FILE, name)

    def pieces(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Piece | Unreadable]]:
        for entry in entries:
            data = self._blobs[entry.oid]
            yield entry, Piece(data, 0, 1, len(data), True)

    def boundary(self) -> frozenset[str]:
        return frozenset()


def oid(number: int) -> str:
    return f"{number:040x}"
