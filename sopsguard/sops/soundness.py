"""What is wrong with one SOPS file, seen without a key and without its history.

The codes are those of the list of keyless checks: M1 … M20 for structure and metadata, L1 … L21 for values,
R3 … R16 for recipients. A file without a problem is not proved sound: only a key proves that.
"""

from collections.abc import Iterator
from datetime import datetime

from sopsguard.document import Comment, Document, Item, Mapping, Node, Scalar
from sopsguard.sops.envelope import IV_BYTES, TAG_BYTES, TYPES, Envelope, decoded_length, parse
from sopsguard.sops.file import BLOCK, CONFLICT, Broken, Leaf, SopsFile, is_damaged
from sopsguard.sops.metadata import Problem, rfc3339, version_tuple
from sopsguard.sops.wrapping import recipient_problems

MAC_BYTES = 128
SHORT_BYTES = 8
_LENGTHS = {"bool": (4, 5), "int": (1, 20), "time": (20, 35), "float": (1, 350)}
# The values of the file that sops opens for a new name, by the lengths it leaves visible.
_EXAMPLE = {
    "hello": 46,
    "example_key": 13,
    "example_array": 14,
    "example_number": 10,
    "example_booleans": 4,
    "example_multiline": 11,
}


def problems(file: SopsFile | Broken, now: datetime | None = None) -> Iterator[Problem]:
    """Everything that is wrong or odd; most files have nothing. `now` (aware) is for times in the future."""
    yield from file.problems if isinstance(file, Broken) else file.metadata.problems
    if isinstance(file, Broken):
        return
    yield from _document(file)
    yield from _mac(file)
    yield from _time(file, now)
    yield from _groups(file)
    yield from _features(file)
    # With two selection fields it cannot be told what is meant to be encrypted.
    if not any(problem.code == "M7" for problem in file.metadata.problems):
        yield from _selection(file)
        yield from _leaves(file)
    yield from _nonces(file)
    yield from _example(file)
    yield from recipient_problems(file.metadata)


def is_fake(file: SopsFile) -> bool:
    """Whether nothing in the file was ever written by sops: no encrypted value, no MAC and no wrapped data
    key that is one by its form. So are templates and samples; a real file that was damaged keeps some."""
    if any(leaf.envelope is not None and _is_real(leaf.envelope) for leaf in file.leaves):
        return False
    mac = parse(file.metadata.mac)
    if mac is not None and _is_real(mac):
        return False
    return not any(_is_wrapped(recipient.enc) for recipient in file.metadata.recipients)


def _is_real(envelope: Envelope) -> bool:
    return envelope.decodes and decoded_length(envelope.iv) == IV_BYTES


def _is_wrapped(enc: str) -> bool:
    """Whether the text has the form of a wrapped data key: an armored one with a body, or base64."""
    lines = [line for line in enc.strip().splitlines() if line and not line.startswith("-----")]
    return len("".join(lines)) >= 80 and not any(
        set(line) & set("{}<>$. ") for line in lines if ":" not in line
    )


def _at(code: str, message: str, leaf: Leaf) -> Problem:
    node = leaf.node
    return Problem(code, message, node.line, node.column, leaf.key or None, leaf.document)


# structure


def _document(file: SopsFile) -> Iterator[Problem]:
    first_blocks = 0
    for flaw in file.document.flaws:
        if flaw.code == "duplicate-key":
            if file.format == "yaml":
                yield Problem(
                    "M19", "a key stands twice in one mapping: sops refuses it", flaw.line, None, None
                )
            else:
                yield Problem(
                    "M18", "a key stands twice: one of the values is lost sooner or later", flaw.line
                )
        elif flaw.code in ("trailing-data", "truncated"):
            yield Problem("M18", f"{flaw.message}", flaw.line)
        elif flaw.code == "complex-key":
            yield Problem("L21", "a mapping or list is a key: sops refuses the file", flaw.line)
        elif flaw.code == "bad-tag":
            yield Problem("M1", f"{flaw.message}: sops refuses the file", flaw.line)
    if file.format in ("json", "binary", "ini", "yaml"):
        for item in file.document.roots[0].entries():
            first_blocks += item.name == BLOCK
        if first_blocks > 1 and file.format != "yaml":
            yield Problem(
                "M1", "the `sops` block stands there twice: sops refuses the file", file.metadata.line
            )
    if b"<<<<<<<" in file.data and (conflict := CONFLICT.search(file.data)):
        line = file.data.count(b"\n", 0, conflict.start()) + 1
        yield Problem("M13", "an unresolved merge conflict", line)
    if len(file.document.roots) > 1:
        yield from _blocks(file.document)


def _blocks(document: Document) -> Iterator[Problem]:
    first = document.roots[0].get(BLOCK)
    for number, root in enumerate(document.roots[1:], 2):
        block = root.get(BLOCK)
        if block is None:
            what = "has no `sops` block: it was not encrypted with the others"
            yield Problem("M12", f"document {number} {what}", root.line, document=number - 1)
        elif first is not None and not _same(first, block):
            what = "has another `sops` block than the first; only the first counts"
            yield Problem("M12", f"document {number} {what}", block.line, document=number - 1)


def _same(one: Node, other: Node) -> bool:
    """Whether two nodes hold the same values, comments and places aside."""
    if isinstance(one, Scalar) or isinstance(other, Scalar):
        return isinstance(one, Scalar) and isinstance(other, Scalar) and one.value == other.value
    ours = [item for item in one.items if not isinstance(item, Comment)]
    theirs = [item for item in other.items if not isinstance(item, Comment)]
    if isinstance(one, Mapping) != isinstance(other, Mapping) or len(ours) != len(theirs):
        return False
    for mine, your in zip(ours, theirs, strict=True):
        if isinstance(mine, Item) and isinstance(your, Item):
            if mine.key.value != your.key.value or not _same(mine.value, your.value):
                return False
        elif isinstance(mine, Item) or isinstance(your, Item) or not _same(mine, your):
            return False
    return True


def _mac(file: SopsFile) -> Iterator[Problem]:
    meta = file.metadata
    line, column = meta.mac_at
    if not meta.mac:
        yield Problem(
            "M2", "`sops.mac` is missing: sops refuses to decrypt the file", line, column, "sops.mac"
        )
        return
    envelope = parse(meta.mac)
    if envelope is None or not envelope.decodes:
        yield Problem(
            "M2", "`sops.mac` is not an encrypted value: sops refuses the file", line, column, "sops.mac"
        )
    elif envelope.length != MAC_BYTES or envelope.type != "str":
        what = f"{envelope.length} bytes of type {_word(envelope.type)} instead of {MAC_BYTES} of type str"
        yield Problem("M3", f"`sops.mac` holds {what}: it is no MAC of sops", line, column, "sops.mac")


def _word(text: str) -> str:
    return text if text in TYPES or text == "bytes" else "unknown"


def _time(file: SopsFile, now: datetime | None) -> Iterator[Problem]:
    text = rfc3339(file.metadata.lastmodified)
    if now is None or text is None:
        return
    try:
        modified = datetime.fromisoformat(text)
    except ValueError:  # the year 0, or an offset of more than a day
        return
    if (modified - now).total_seconds() > 24 * 3600:
        line, column = file.metadata.modified_at
        yield Problem("M14", "`sops.lastmodified` is in the future", line, column, "sops.lastmodified")


def _groups(file: SopsFile) -> Iterator[Problem]:
    meta = file.metadata
    if meta.hidden_groups:
        what = "are ignored by sops, and lost at its next write, because flat key lists stand beside them"
        yield Problem(
            "M9", f"the {meta.hidden_groups} `key_groups` {what}", meta.line, None, "sops.key_groups"
        )
    count, threshold = len(meta.groups), meta.shamir_threshold
    if count < 2:
        return
    key = "sops.shamir_threshold"
    if threshold > count:
        what = f"{threshold} of {count} key groups are needed, more than there are: nobody can open the file"
        yield Problem("M10", what, meta.line, None, key)
    elif threshold < 2:
        what = f"a threshold of {threshold} for {count} key groups, which sops never writes"
        yield Problem("M10", what, meta.line, None, key)
    for number, group in enumerate(meta.groups):
        if not group:
            what = f"key group {number + 1} is empty: its share of the data key is lost"
            yield Problem("M11", what, meta.line, None, f"sops.key_groups.{number}")


def _features(file: SopsFile) -> Iterator[Problem]:
    """The label may be lower than what the file needs: then sops of that version cannot read it."""
    meta = file.metadata
    version = version_tuple(meta.version)
    if version is None:
        return
    needs: list[tuple[tuple[int, int, int], str]] = []
    if meta.scope.mac_only_encrypted:
        needs.append(((3, 9, 0), "`mac_only_encrypted`"))
    if any(leaf.envelope is not None and leaf.envelope.type == "time" for leaf in file.leaves):
        needs.append(((3, 10, 0), "a time among the values"))
    for recipient in meta.recipients:
        if recipient.family == "hckms":
            needs.append(((3, 12, 0), "a Huawei Cloud key"))
        elif recipient.family == "age":
            text = recipient.key.text.strip()
            if text.startswith("age1pq1"):
                needs.append(((3, 12, 0), "a post-quantum recipient"))
            elif text.startswith("ssh-") or (text.startswith("age1") and "1" in text[4:]):
                needs.append(((3, 10, 0), "an SSH or plugin recipient"))
    if needs:
        least, feature = max(needs)
        if version < least:
            what = f"{feature} needs sops {least[0]}.{least[1]}, the file says {_word_version(version)}"
            yield Problem("M15", what, meta.line, None, "sops.version")
    if version < (3, 7, 0):
        what = f"written by sops {_word_version(version)}: the next write changes the layout of the metadata"
        yield Problem("M16", what, meta.line, None, "sops.version")


def _word_version(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


# what is selected


def _selection(file: SopsFile) -> Iterator[Problem]:
    selection, meta = file.selection, file.metadata
    for field in selection.invalid:
        effect = "everything is encrypted" if field.startswith("unencrypted") else "nothing is encrypted"
        what = f"`{field}` is no regular expression for sops (RE2), which takes it silently: {effect}"
        yield Problem("L3", what, meta.line, None, f"sops.{field}")
    if selection.missing is not None or not file.leaves:
        return
    clear = [
        leaf for leaf in file.leaves if leaf.envelope is None and not leaf.is_comment and not leaf.is_empty
    ]
    encrypted = any(leaf.envelope is not None for leaf in file.leaves)
    selected = any(leaf.selected for leaf in file.leaves)
    chosen = next(iter(meta.scope.chosen().items()), ("", ""))
    dotted = chosen[0].endswith("_regex") and (r"\." in chosen[1] or "/" in chosen[1])
    hint = "; it is matched against single keys, never against a dotted path" if dotted else ""
    if clear and not encrypted and not selected:
        if not selection.invalid:  # L3 says more
            cause = f": `{chosen[0]}` matches no key{hint}" if chosen[0].startswith("encrypted") else ""
            yield _at("L2", f"no value in this file is encrypted{cause}", clear[0])
        return
    useless = chosen[0].startswith("encrypted") and not selected and not selection.invalid
    if not useless and dotted and chosen[0] == "unencrypted_regex":
        useless = all(leaf.selected for leaf in file.leaves)
    if useless:
        yield Problem("L4", f"`{chosen[0]}` matches no key{hint}", meta.line, None, f"sops.{chosen[0]}")


# values


def _leaves(file: SopsFile) -> Iterator[Problem]:
    for leaf in file.leaves:
        envelope = leaf.envelope
        if envelope is None:
            yield from _clear(file, leaf)
        elif not (leaf.selected and envelope.exact and envelope.type == "str" and len(envelope.data) > 12):
            yield from _envelope(leaf, envelope)
        if not leaf.string_key:
            yield _at("L21", "a key is not a string: sops refuses the file", leaf)


def _clear(file: SopsFile, leaf: Leaf) -> Iterator[Problem]:
    node = leaf.node
    if isinstance(node, Comment):
        if leaf.selected and node.text:
            yield _at("L16", "a comment in clear, in a file whose comments are encrypted", leaf)
    elif leaf.selected:
        if is_damaged(leaf):
            yield _at("L5", "the value is a damaged encrypted value, which sops cannot decrypt", leaf)
        elif not leaf.is_empty:
            yield _at("L1", "the value is in clear; sops encrypts it and refuses the file as it is", leaf)
    elif type(node.value) is int:
        if node.value == 0 and _minus_zero_breaks_mac(file, node):
            yield _at(
                "L19", "minus zero in clear: it is read as another number, and the MAC never fits", leaf
            )
        elif not -(2**63) <= node.value < 2**63:
            yield _at("L21", "a number has more than 64 bits: sops refuses the file", leaf)


def _minus_zero_breaks_mac(file: SopsFile, node: Scalar) -> bool:
    return not file.metadata.scope.mac_only_encrypted and file.data[node.start : node.end] == b"-0"


def _envelope(leaf: Leaf, envelope: Envelope) -> Iterator[Problem]:
    if leaf.selected is False:
        what = "an encrypted value where the file's own rule leaves values in clear: it stays ciphertext"
        yield _at("L20", what, leaf)
        return
    if not envelope.decodes and isinstance(leaf.node, Comment):
        yield _at("L16", "a damaged encrypted comment, which sops takes for one in clear", leaf)
        return
    if not envelope.decodes:
        yield _at("L5", "the base64 of the encrypted value is broken", leaf)
        return
    iv, tag = decoded_length(envelope.iv), decoded_length(envelope.tag)
    if envelope.type not in TYPES:
        yield _at(
            "L7", f"an encrypted value of a type that sops does not know ({_word(envelope.type)})", leaf
        )
    if (iv, tag) != (IV_BYTES, TAG_BYTES):
        what = f"a nonce of {iv} and a tag of {tag} bytes instead of {IV_BYTES} and {TAG_BYTES}"
        yield _at("L6", f"{what}: not written by sops", leaf)
    if envelope.trailing:
        yield _at("L8", "text stands behind the encrypted value, which sops drops", leaf)
    low, high = _LENGTHS.get(envelope.type, (1, envelope.length))
    if not low <= envelope.length <= high:
        yield _at("L9", f"{envelope.length} bytes cannot be a value of type {_word(envelope.type)}", leaf)
    if envelope.type == "comment" and leaf.in_list and isinstance(leaf.node, Scalar):
        yield _at("L17", "an encrypted comment inside a list: sops 3.13.2 cannot decrypt the file", leaf)
    elif envelope.type == "comment" and isinstance(leaf.node, Scalar):
        yield _at("L7", "a value is encrypted as a comment", leaf)
    yield from _length(leaf, envelope)


def _length(leaf: Leaf, envelope: Envelope) -> Iterator[Problem]:
    if envelope.type == "str" and 0 <= envelope.length < SHORT_BYTES:
        noun = "byte" if envelope.length == 1 else "bytes"
        yield _at("L14", f"a secret of {envelope.length} {noun}: the length shows, and it is short", leaf)
    elif envelope.type == "bool":
        yield _at("L14", "the length of an encrypted boolean tells its value", leaf)


def _nonces(file: SopsFile) -> Iterator[Problem]:
    first: dict[str, Leaf] = {}
    for leaf in file.leaves:
        envelope = leaf.envelope
        if envelope is None:
            continue
        other = first.setdefault(envelope.iv, leaf)
        if other is leaf or other.envelope is None:
            continue
        if other.aad != leaf.aad:
            what = f"the encrypted value was copied from `{other.key}`: it decrypts at one place only"
            yield _at("L10", what, leaf)
        elif (other.envelope.data, other.envelope.tag) != (envelope.data, envelope.tag):
            yield _at(
                "L11", f"the nonce of `{other.key or 'another value'}` with other data: tampered with", leaf
            )
        else:
            yield _at("L12", f"the same value as `{other.key or 'another one'}`, for all to see", leaf)


def _example(file: SopsFile) -> Iterator[Problem]:
    hits = [
        leaf
        for leaf in file.leaves
        if leaf.path
        and leaf.envelope is not None
        and (name := next((part for part in reversed(leaf.path) if isinstance(part, str)), "")) in _EXAMPLE
        and leaf.envelope.length == _EXAMPLE[name]
    ]
    if len({leaf.path[0] for leaf in hits}) >= 3 or len({str(leaf.path[-1]) for leaf in hits}) >= 3:
        yield _at("L18", "the example that sops writes into a new file is still in it", hits[0])
