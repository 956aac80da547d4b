"""A file that may be changed: unchanged since it was judged, opened, its MAC verified, in a form we write."""

from dataclasses import dataclass, field
from hashlib import sha256

from sopsguard.document import Mapping
from sopsguard.document.dotenv_patch import DotenvPatch
from sopsguard.document.json_patch import JsonPatch
from sopsguard.document.patch import CannotPatch, Patch, find, spliced
from sopsguard.document.tree import Scalar
from sopsguard.document.yaml_patch import YamlPatch
from sopsguard.sops.cipher import Cipher
from sopsguard.sops.editor.refusal import CannotEdit, Command, Why
from sopsguard.sops.file import BLOCK, Broken, SopsFile, read
from sopsguard.sops.flat import PREFIX
from sopsguard.sops.identity import Identities
from sopsguard.sops.mac import Mac
from sopsguard.sops.opening import Opened, PlainLeaf, Reason, Refused, decrypt, open_file

UNSAFE = "the text has a form in which this cannot be changed safely"
_WHY = {Reason.NO_KEY: Why.NO_KEY, Reason.UNKNOWN: Why.ENGINE}


@dataclass(frozen=True, slots=True)
class Ready:
    """A file, open, and the key to close it again."""

    file: SopsFile
    opened: Opened
    cipher: Cipher = field(repr=False)
    commands: tuple[Command, ...] = ()

    def cannot(self, why: Why, message: str, *missing: str, line: int | None = None) -> CannotEdit:
        """The refusal for this file, with what sops would do it with."""
        return CannotEdit(why, message, missing, self.commands, line)


def unchanged(data: bytes, expected: str | None) -> None:
    """Raises `CannotEdit` unless `data` has the SHA-256 `expected` (hexadecimal; None: not asked)."""
    if expected is not None and sha256(data).hexdigest() != expected.lower():
        raise CannotEdit(Why.CHANGED, "the file is not what was judged any more")


def readable(data: bytes, path: str) -> SopsFile:
    """The SOPS file, or `CannotEdit`."""
    file = read(data, path)
    if isinstance(file, SopsFile):
        return file
    if isinstance(file, Broken):
        problem = file.problems[0]
        raise CannotEdit(Why.NOT_SOPS, f"the SOPS file is broken: {problem.message}", line=problem.line)
    raise CannotEdit(Why.NOT_SOPS, f"it is no SOPS file ({file.reason})")


def again(data: bytes, path: str) -> SopsFile:
    """The file after a change of its text. Raises `CannotPatch` if that broke it."""
    file = read(data, path)
    if not isinstance(file, SopsFile):
        raise CannotPatch(UNSAFE)
    return file


def ready(file: SopsFile, identities: Identities, commands: tuple[Command, ...]) -> Ready:
    """Opens the file for a change. Raises `CannotEdit` for anything that is not as it should be."""
    found = open_file(file, identities)
    if isinstance(found, Refused):
        why = _WHY.get(found.reason, Why.DAMAGED)
        missing = ("an age identity that opens it",) if why is Why.NO_KEY else ()
        commands = commands if why is Why.NO_KEY else ()
        place = f" (`{found.key}`)" if found.key else ""
        raise CannotEdit(why, f"{found.message}{place}", missing, commands, found.line)
    sound(file, commands)
    return Ready(file, found, Cipher(found.data_key), commands)


def sound(file: SopsFile, commands: tuple[Command, ...]) -> None:
    """Raises `CannotEdit` for a format that we do not write, and for a text that sops would not keep."""
    for flaw in file.document.flaws:
        if flaw.code != "alias":
            raise CannotEdit(Why.FORMAT, flaw.message, (), commands, flaw.line)
    if file.format == "ini":
        what = "ini files are written by the sops program only"
        raise CannotEdit(Why.FORMAT, what, ("the sops program",), commands)


def patch_of(file: SopsFile, root: Mapping) -> Patch:
    """What changes the text of a document of the file."""
    if file.format == "yaml" and file.data[root.start : root.start + 1] != b"{":  # else it is JSON, or near
        return YamlPatch(file.data, BLOCK, indent_of(file))
    if file.format == "dotenv":
        return DotenvPatch(file.data, PREFIX)
    return JsonPatch(file.data, root, BLOCK)


def indent_of(file: SopsFile) -> int:
    """How far sops indents in this file, seen at its own block."""
    block = file.document.roots[0].get(BLOCK)
    if isinstance(block, Mapping) and block.entries():
        column = block.entries()[0].key.column - 1
        if 2 <= column <= 9:
            return column
    return 4


def mac_of(file: SopsFile, cipher: Cipher) -> str:
    """The MAC of the values as they stand in the text. Raises `CannotDecrypt`."""
    mac = Mac(file.metadata.scope.mac_only_encrypted)
    for leaf in file.leaves:
        if not isinstance(leaf.node, Scalar):
            continue
        value = leaf.node.value
        if leaf.selected and value is not None:
            plain = cipher.decrypt(value if isinstance(value, str) else "-", leaf.aad)
            if plain.comment:
                continue
            value = plain.value
        mac.add(value, bool(leaf.selected))
    return mac.text()


def sealed_again(file: SopsFile, data: bytes, cipher: Cipher, modified: str, mac: str) -> bytes:
    """`data`, the changed text of `file`, with `lastmodified` and `mac` in all copies of the metadata."""
    file = again(data, file.path)
    values = {"lastmodified": modified, "mac": cipher.encrypt(mac, modified)}
    splices = []
    for root in file.document.roots:
        patch = patch_of(file, root)
        for name, value in values.items():
            at = (PREFIX + name,) if file.format == "dotenv" else (BLOCK, name)
            found = find(root, at)
            if not found.rest and isinstance(found.node, Scalar):
                splices.append(patch.fill(found.node, value))
    return spliced(data, splices)


def checked(
    old: SopsFile, data: bytes, cipher: Cipher, key: bytes, commands: tuple[Command, ...]
) -> tuple[SopsFile, tuple[PlainLeaf, ...]]:
    """What is read from the changed text, its MAC verified. Raises `CannotEdit` if it does not open."""
    file = read(data, old.path)
    found = decrypt(file, cipher, key) if isinstance(file, SopsFile) else None
    if (
        not isinstance(file, SopsFile)
        or not isinstance(found, Opened)
        or file.format != old.format
        or not file.metadata.loads
    ):
        raise CannotEdit(Why.FORMAT, UNSAFE, (), commands)
    return file, found.leaves
