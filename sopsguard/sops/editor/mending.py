"""Makes a SOPS file whole that a hand changed, and gives it another scope.

What sops refuses to open cannot be left to it. Whoever calls `mend` has shown what changed: a new MAC vouches
for all that stands there.
"""

from sopsguard.document import Scalar
from sopsguard.document.patch import CannotPatch, Splice, find, made, spliced, taken
from sopsguard.document.tree import Item, Mapping
from sopsguard.sops.cipher import CannotDecrypt, Cipher
from sopsguard.sops.editor.meaning import meaning
from sopsguard.sops.editor.opened import (
    UNSAFE,
    again,
    checked,
    mac_of,
    patch_of,
    readable,
    ready,
    sealed_again,
    sound,
    unchanged,
)
from sopsguard.sops.editor.refusal import CannotEdit, Why
from sopsguard.sops.file import BLOCK, Leaf, SopsFile, leaves
from sopsguard.sops.flat import PREFIX
from sopsguard.sops.identity import Identities
from sopsguard.sops.metadata import rfc3339
from sopsguard.sops.opening import Refused, data_key
from sopsguard.sops.rules import SELECTION_FIELDS, Scope
from sopsguard.sops.scope import Selection


def mend(data: bytes, path: str, identities: Identities, modified: str, expected: str | None = None) -> bytes:
    """The SOPS file `data` with every value in clear encrypted that should be, and a MAC that fits.

    Ciphertexts stay as they are; if one does not decrypt, nothing is done. Raises `CannotEdit`.
    """
    _is_time(modified)
    unchanged(data, expected)
    file = readable(data, path)
    sound(file, ())
    if not file.metadata.loads or file.selection.missing is not None:
        raise CannotEdit(Why.DAMAGED, "sops refuses the metadata of the file, or they cannot be judged")
    found = data_key(file, identities)
    if isinstance(found, Refused):
        raise CannotEdit(Why.NO_KEY, found.message, ("an age identity that opens it",), (), found.line)
    try:
        cipher = Cipher(found[0])
        filled = spliced(data, (splice for leaf in file.leaves for splice in _mended(file, leaf, cipher)))
        written = sealed_again(file, filled, cipher, modified, mac_of(again(filled, path), cipher))
    except CannotDecrypt as failure:
        raise CannotEdit(Why.DAMAGED, str(failure)) from None
    except CannotPatch:
        raise CannotEdit(Why.FORMAT, UNSAFE) from None
    checked(file, written, cipher, found[0], ())
    return written


def _is_time(modified: str) -> None:
    if rfc3339(modified) != modified:
        raise ValueError("the time of modification must be RFC 3339 with whole seconds")


def _mended(file: SopsFile, leaf: Leaf, cipher: Cipher) -> list[Splice]:
    """A clear value encrypted. Raises `CannotEdit` for a ciphertext that does not decrypt."""
    if not leaf.selected or leaf.is_empty:
        return []
    if leaf.envelope is None:
        return _sealed(file, leaf, cipher)
    try:
        cipher.decrypt(leaf.text or "", leaf.aad)
    except CannotDecrypt as failure:
        if isinstance(leaf.node, Scalar):
            what = f"`{leaf.key}` does not decrypt: {failure}"
            raise CannotEdit(Why.DAMAGED, what, (), (), leaf.node.line) from None
    return []


def _sealed(file: SopsFile, leaf: Leaf, cipher: Cipher) -> list[Splice]:
    node = leaf.node
    if isinstance(node, Scalar):
        text = cipher.encrypt(node.value, leaf.aad)
        return [patch_of(file, file.document.roots[leaf.document]).fill(node, text)]
    if leaf.in_list:  # encrypted it would be an element of the list; sops takes it in clear too
        return []
    start = node.start + 1
    old = node.text.encode("utf-8", "surrogateescape")
    if file.data[start : start + len(old)] != old:
        raise CannotPatch("a comment in an unusual form")
    return [Splice(start, start + len(old), cipher.encrypt(node.text, leaf.aad, comment=True).encode())]


def rescope(
    data: bytes, path: str, scope: Scope, identities: Identities, modified: str, expected: str | None = None
) -> bytes:
    """The SOPS file `data` with the selection fields of `scope`:
    some values come into the clear, some out of it.

    What stays encrypted keeps its ciphertext; for the others see `mend`. Scopes that go by comments are
    refused: there the whole file must be encrypted anew. Raises `CannotEdit`.
    """
    _is_time(modified)
    unchanged(data, expected)
    file = readable(data, path)
    state = ready(file, identities, ())
    if file.format == "binary":
        raise state.cannot(Why.FORMAT, "a binary file is always encrypted as a whole")
    selection = Selection(Scope(**scope.effective(), mac_only_encrypted=scope.mac_only_encrypted))
    if len(scope.chosen()) > 1 or selection.invalid:
        raise state.cannot(Why.VALUE, "the selection fields are such that sops refuses or ignores them")
    if selection.missing is not None:
        raise state.cannot(Why.ENGINE, selection.missing.reason, selection.missing.needed)
    if selection.needs_comments or file.selection.needs_comments:
        raise state.cannot(Why.FORMAT, "what is encrypted goes by comments: encrypt the file anew")
    if scope.effective() == file.metadata.scope.effective() and (
        scope.mac_only_encrypted == file.metadata.scope.mac_only_encrypted
    ):
        return data
    splices: list[Splice] = []
    now = zip(leaves(file.document, selection), state.opened.leaves, strict=True)
    try:
        for leaf, plain in now:
            root = file.document.roots[leaf.document]
            if plain.encrypted == bool(leaf.selected) or leaf.is_empty:
                continue
            if leaf.selected:
                splices += _sealed(file, leaf, state.cipher)
            elif isinstance(leaf.node, Scalar):
                if plain.comment:
                    raise state.cannot(Why.FORMAT, "an encrypted comment in a list would come into the clear")
                splices.append(patch_of(file, root).fill(leaf.node, plain.value))
            else:
                start = leaf.node.start + 1
                text = str(plain.value).encode("utf-8", "surrogateescape")
                splices.append(Splice(start, leaf.node.end, text))
        filled = spliced(data, splices)
        for number in range(len(file.document.roots)):
            filled = _fields(filled, path, number, scope)
        mac = mac_of(again(filled, path), state.cipher)
        written = sealed_again(file, filled, state.cipher, modified, mac)
    except CannotPatch as failure:
        raise state.cannot(Why.FORMAT, str(failure)) from None
    except CannotDecrypt:
        raise state.cannot(Why.FORMAT, UNSAFE) from None
    new, opened = checked(file, written, state.cipher, state.opened.data_key, ())
    if new.metadata.scope.effective() != scope.effective() or (
        meaning(new, opened) != meaning(file, state.opened.leaves)
    ):
        raise state.cannot(Why.FORMAT, UNSAFE)
    return written


def _fields(data: bytes, path: str, number: int, scope: Scope) -> bytes:
    """The selection fields in one copy of the metadata."""
    wanted: dict[str, str | bool] = {**scope.effective()}
    if scope.mac_only_encrypted:
        wanted["mac_only_encrypted"] = True
    for name in (*SELECTION_FIELDS, "mac_only_encrypted"):
        file = again(data, path)
        root = file.document.roots[number]
        patch = patch_of(file, root)
        flat = file.format == "dotenv"
        block = root if flat else root.get(BLOCK)
        if not isinstance(block, Mapping):
            return data
        at = (PREFIX + name,) if flat else (BLOCK, name)
        found = find(root, at)
        if name not in wanted:
            if not found.rest:
                data = spliced(data, taken(patch, root, at))
            continue
        value = wanted[name]
        if not found.rest:
            data = spliced(data, patch.replace(found, made(value)))
            continue
        after = -1
        for position, item in enumerate(block.items):
            if isinstance(item, Item) and (item.name or "") < str(at[-1]):
                after = position
        data = spliced(data, patch.insert(found, str(at[-1]), made(value), after))
    return data
