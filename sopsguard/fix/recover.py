"""A lost key is replaced, with any other identity that opens the files: first the new key comes in beside it;
when that opens everything, a second run takes the lost one out. So nobody is locked out on the way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sopsguard.context import Context
from sopsguard.fix import configuration, entries, program
from sopsguard.fix.knowledge import Whom
from sopsguard.fix.plan import Draft, Weight
from sopsguard.fix.revoke import Setting, revoke
from sopsguard.inventory import Holder, Kind, folded, stated
from sopsguard.model import UserError
from sopsguard.sops.config import CONFIG_NAME
from sopsguard.sops.editor import CannotEdit, update_keys
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import abbreviated
from sopsguard.sops.masterkey import recipient as recipient_key

# What says of a name which key of somebody it is.
_WHICH = r"_(key|age|device)\Z"


@dataclass(frozen=True, slots=True)
class NewKey:
    """The new identity: its recipient and, where it still has to be written, the text of its file."""

    recipient: str
    text: str | None = field(default=None, repr=False)


def lost_key(ctx: Context, name: str, at_hand: Sequence[str], given: str | None) -> tuple[Holder, str]:
    """Whose key is lost, and which one: `given`, or the only one that is neither `at_hand` nor kept offline.
    Raises `UserError`."""
    found = [h for h in ctx.inventory.named(name) if h.left is None and h.recipients]
    if len(found) != 1:
        known = ", ".join(sorted(h.name for h in ctx.inventory.people)) or "nobody"
        raise UserError(f"whose key is lost is not clear: {name!r}", f"the people here: {known}")
    holder = found[0]
    have = {ctx.inventory.reader(text) for text in at_hand}
    used = {use.who for use in (*ctx.access.in_rules, *ctx.access.in_files)}
    offline = {r.reader for r in holder.recipients if r.offline and given is None}
    texts = {r.reader: r.text.strip() for r in holder.recipients if r.reader in used - offline}
    if given is not None:
        reader = ctx.inventory.reader(given)
        if reader not in texts:
            raise UserError(f"that is no key of {holder.name}", "the recipient, as .sops.yaml names it")
        return holder, texts[reader]
    left = [text for reader, text in texts.items() if reader not in have]
    if len(left) != 1:
        shown = ", ".join(map(abbreviated, left)) or "all of them are at hand"
        raise UserError(f"which key of {holder.name} is lost is not clear: {shown}", "name it with --lost")
    return holder, left[0]


def new_key(ctx: Context, holder: Holder, present: Sequence[str] | None, modified: str) -> NewKey:
    """The key that takes the place of the lost one. `present` are the recipients of the identities that stand
    where sops looks already (None: there is no such file): one that is nobody's, or the holder's, is the new
    key of a run before. Raises `UserError` where others' keys stand there."""
    from sopsguard.keys import age

    if present is None:
        made = age.generate_identity()
        assert made.public is not None
        return NewKey(made.public, age.write_identity_file(made, modified))
    for text in present:
        whose = ctx.inventory.holders(text)
        if not whose or any(folded(h.name) == folded(holder.name) for h in whose):
            return NewKey(text)
    names = sorted({h.name for text in present for h in ctx.inventory.holders(text)})
    what = f"the key of {', '.join(names)} stands" if names else "something that is no age identity stands"
    raise UserError(f"{what} where the new key belongs", "move it away, and name it with --identity")


def recover(
    draft: Draft,
    ctx: Context,
    holder: Holder,
    lost: str,
    new: NewKey,
    identities: Identities,
    setting: Setting,
) -> None:
    """Plan the next step on the draft: the new key in, or, if it is everywhere already, the lost one out."""
    reader, mine = ctx.inventory.reader(lost), ctx.inventory.reader(new.recipient)
    behind = []
    for path, reach in ctx.access.reach.items():
        if reader in reach.direct and mine not in reach.direct:
            behind.append(path)
    named = {use.who for use in ctx.access.in_rules}
    if new.text is None and not behind and (mine in named or reader not in named):
        _lost(draft, ctx, holder, lost, identities, setting)
        return
    _configure(draft, ctx, holder, reader, new.recipient)
    _state(draft, ctx, holder, lost, new.recipient)
    key = recipient_key(new.recipient)
    assert key is not None
    for path in behind:
        file, data = ctx.access.files[path], draft.read(path)
        groups = [[r.key for r in group] for group in file.metadata.groups]
        wider = [[*g, key] if any(ctx.inventory.reader(k) == reader for k in g) else g for g in groups]
        what = f"let the new key of {holder.name} open {path}"
        try:
            change = partial(update_keys, data or b"", path, wider, identities)
            written = program.or_by_program(draft, path, change, identities, groups=wider)
        except CannotEdit as e:
            needs = f"needs {', '.join(e.missing)}" if e.missing else e.message
            draft.refuse(what, needs, map(program.shown, e.commands))
            continue
        draft.write(path, written)
        draft.did(what, path, weight=Weight.ACCESS)
    draft.ask(
        "commit and push it, and keep a copy of the new key where no network comes: on paper, in a safe"
    )
    draft.ask(
        "see that the new key opens the files, then run this again: it takes the lost key out",
        *(f"sops decrypt {path} > /dev/null" for path in sorted(behind)[:3]),
    )


def _configure(draft: Draft, ctx: Context, holder: Holder, reader: str, text: str) -> None:
    """Beside the lost key in every rule, under a name of its own."""
    from sopsguard.sops.config import parse

    mine = ctx.inventory.reader(text)
    for path, config in ctx.managed.configs.items():
        rules = [r for r in config.rules if any(ctx.inventory.reader(k) == reader for k in r.keys)]
        if path.rpartition("/")[2] != CONFIG_NAME or not rules:
            continue
        what = f"name the new key of {holder.name} ({abbreviated(text)}) in {path}"
        data = old = draft.read(path) or b""
        try:
            beside = [a for a in config.anchors if a.key and ctx.inventory.reader(a.key) == reader]
            taken = {a.name for a in config.anchors}
            anchor = None
            if any(a.key and ctx.inventory.reader(a.key) == mine for a in config.anchors):
                anchor = next(a.name for a in config.anchors if a.key and ctx.inventory.reader(a.key) == mine)
            elif beside:
                base = re.sub(_WHICH, "", beside[0].name)
                # Endings that say which key of somebody it is, and not who.
                names = (base, *(f"{base}_{end}" for end in ("key", "age", "device")))
                anchor = next(n for n in names if n not in taken)  # one of four is free
                data = configuration.add_anchor(data, anchor, text, beside[0].name)
            member = configuration.Member(text, anchor)
            for rule in parse(data, path).rules:
                for number, group in enumerate(rule.groups):
                    if any(ctx.inventory.reader(k) == reader for k in group):
                        data = configuration.add_recipient(data, rule.index, member, number)
        except UserError as e:
            draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
            continue
        if data != old:
            draft.write(path, data)
            draft.did(what, path)


def _state(draft: Draft, ctx: Context, holder: Holder, lost: str, text: str) -> None:
    """The inventory names the new key beside the lost one."""
    path = ctx.inventory.path
    if path is None or not holder.stated or ctx.inventory.reader(text) in holder.readers:
        return
    _inventory(draft, path, f"name the new key of {holder.name} in {path}", lambda t: beside(t, lost, text))


def _lost(
    draft: Draft, ctx: Context, holder: Holder, lost: str, identities: Identities, setting: Setting
) -> None:
    """The second step: as any revocation, of this one key."""
    path = ctx.inventory.path
    reader = ctx.inventory.reader(lost)
    if path is not None and any(
        r.reader == reader and r.said.source == "inventory" for r in holder.recipients
    ):
        name = f"{holder.name}-lost-{setting.today}"
        lines = [f"{name}:", f"  kind: {holder.kind}", f"  left: {setting.today}", f"  recipients: [{lost}]"]
        _inventory(
            draft,
            path,
            f"move the lost key of {holder.name} to `former` in {path}",
            lambda text: entries.with_entry(taken_out(text, lost), ("former",), lines),
        )
    who = Whom(f"the lost key of {holder.name}", frozenset((reader,)), (lost,), None, Kind.PERSON)
    names = {a.name for c in ctx.managed.configs.values() for a in c.anchors if a.key}
    revoke(draft, ctx, who, identities, setting)
    for path in ctx.managed.configs:
        data = draft.read(path)
        if data is not None and data != ctx.managed.read(path):
            _renamed(draft, path, data, names)


def _renamed(draft: Draft, path: str, data: bytes, before: set[str]) -> None:
    """The new key takes the name of the lost one, which is free now."""
    from sopsguard.sops.config import parse

    found = parse(data, path)
    left = {a.name for a in found.anchors}
    for name in sorted(before - left):
        base = re.sub(_WHICH, "", name)
        for other in (base, *(f"{base}_{end}" for end in ("key", "age", "device"))):
            if other in left and other != name:
                new = re.sub(rf"([&*]){re.escape(other)}(?![\w-])", rf"\g<1>{name}", data.decode()).encode()
                rules = [[k.identity for k in r.keys] for r in found.rules]
                if [[k.identity for k in r.keys] for r in parse(new, path).rules] == rules:
                    draft.write(path, new)
                return


def _inventory(draft: Draft, path: str, what: str, change: "object") -> None:
    assert callable(change)
    data = draft.read(path)
    try:
        text = change((data or b"").decode())
        before, after = stated.read(data or b"", path), stated.read(text.encode(), path)
        if [(h.kind, h.name) for h in before] != [(h.kind, h.name) for h in after]:
            raise UserError("the inventory has a form in which this cannot be changed safely")
    except UserError as e:
        draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
        return
    draft.write(path, text.encode())
    draft.did(what, path)


def beside(text: str, old: str, new: str) -> str:
    """The text of an inventory with a recipient behind another one. Raises `UserError` where that does not
    stand there once."""
    line, start, end = _item(text, old)
    if line.lstrip().startswith("- "):
        indent = line[: len(line) - len(line.lstrip())]
        newline = "\r\n" if line.endswith("\r\n") else "\n"
        head = text[:end] if text[:end].endswith("\n") else text[:end] + newline
        return f"{head}{indent}- {new}{newline}{text[end:]}"
    at = text.index(old, start) + len(old)
    at += text[at : at + 1] in ("'", '"')
    return f"{text[:at]}, {new}{text[at:]}"


def taken_out(text: str, old: str) -> str:
    """The text of an inventory without a recipient. Raises `UserError` where it does not stand there once, or
    is the only one of its list."""
    line, start, end = _item(text, old)
    if line.lstrip().startswith("- "):
        return text[:start] + text[end:]
    quoted = rf"['\"]?{re.escape(old)}['\"]?"
    for pattern in (rf"{quoted}\s*,\s*", rf"\s*,\s*{quoted}"):
        found = re.search(pattern, text[start:end])
        if found:
            return text[: start + found.start()] + text[start + found.end() :]
    raise UserError("the lost key stands alone in its list", "change the inventory by hand")


def _item(text: str, recipient: str) -> tuple[str, int, int]:
    """The line of a recipient, and where it begins and ends."""
    places = [match.start() for match in re.finditer(re.escape(recipient), text)]
    if len(places) != 1:
        raise UserError("the inventory does not name the key once", "change it by hand")
    start = text.rfind("\n", 0, places[0]) + 1
    end = text.find("\n", places[0]) + 1 or len(text)
    return text[start:end], start, end
