"""Who leaves: to `former` in `inventory.yaml`, and from the signers to `retired` in the policy."""

from collections.abc import Iterator

from sopsguard.fix import entries
from sopsguard.fix.plan import Draft
from sopsguard.fix.waive import quoted
from sopsguard.inventory import Holder, How, Kind, folded, stated
from sopsguard.model import UserError
from sopsguard.strict import Node, load, mapping

_SECTION = {Kind.HOST: "hosts", Kind.PERSON: "people", Kind.SERVICE: "services"}


def to_former(draft: Draft, path: str, holder: Holder, today: str) -> None:
    """Move a holder that the inventory at `path` states to `former`, with `today` as the day of leaving."""
    what = f"move {holder.name} to `former` in {path}"
    data = draft.read(path)
    if data is None or holder.kind not in _SECTION:
        return
    try:
        before = stated.read(data, path)
        name = holder.name
        if any(folded(name) == folded(n) for h in before.former for n in h.names):
            name = f"{name}-{today}"  # another one of that name left before
        text = entries.without(data.decode(), (_SECTION[holder.kind], holder.name))
        text = entries.with_entry(text, ("former",), [f"{name}:", *_former(holder, today)])
        after = stated.read(text.encode(), path)
    except UserError as e:
        draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
        return
    living = {(h.kind, h.name) for h in before} - {(h.kind, h.name) for h in after}
    left = {h.name for h in after.former} - {h.name for h in before.former}
    if living != {(holder.kind, holder.name)} or left != {name}:
        draft.refuse(what, "the file has a form in which this cannot be changed safely; do it by hand")
        return
    draft.write(path, text.encode())
    draft.did(what, path)


def _former(holder: Holder, today: str) -> Iterator[str]:
    """The fields of the entry, one a line."""
    yield f"  kind: {holder.kind}"
    yield f"  left: {today}"
    if holder.aliases:
        yield f"  aliases: [{', '.join(holder.aliases)}]"
    sure = [r for r in holder.recipients if r.how is not How.NAMED] or holder.recipients
    by_reader: dict[str, str] = {}
    for recipient in sorted(sure, key=lambda r: r.how is not How.INVENTORY):  # as people wrote it
        by_reader.setdefault(recipient.reader, quoted(" ".join(recipient.text.split()[:2])))
    lists: list[tuple[str, list[str]]] = [
        ("recipients", list(by_reader.values())),
        ("host_keys", [k.line for k in holder.host_keys if k.said.source == "inventory"]),
        ("emails", [quoted(email) for email in holder.emails]),
    ]
    signing = []
    for key in holder.signing_keys:
        file = f", file: {quoted(key.file)}" if key.file else ""
        signing.append(f"{{{key.kind}: {quoted(key.key)}{file}}}")
    for name, items in (*lists, ("signing_keys", signing)):
        if items:
            yield f"  {name}:"
            yield from (f"    - {item}" for item in items)


def retire_signer(draft: Draft, path: str, holder: Holder, head: str | None) -> None:
    """Take the keys of a signer out of the policy of signatures: they count for what they signed up to the
    commit `head`, and never as those of an admin."""
    from sopsguard.signatures import rules

    data = draft.read(path)
    section = _section(data or b"", path)
    if data is None or section is None:
        return
    what = f"retire the signing keys of {holder.name} in {path}"
    keys = {(k.kind, k.key) for k in holder.signing_keys}
    for signer in rules.read(section).signers:
        mine = {("openpgp", k.fingerprint) for k in signer.openpgp} | {
            ("ssh", k.key.line) for k in signer.ssh
        }
        if folded(signer.name) not in map(folded, holder.names) and not keys & mine:
            continue
        items = []
        for openpgp in signer.openpgp:
            items.append(f"- {{openpgp: {quoted(openpgp.fingerprint)}, file: {quoted(openpgp.file)}, ")
        items += [f"- {{ssh: {quoted(ssh.key.line)}, " for ssh in signer.ssh]
        try:
            text = entries.without(data.decode(), ("signatures", "signers", signer.name))
            if head is not None and items:
                lines = [f"{item}last_commit: {quoted(head)}}}" for item in items]
                text = entries.with_entry(text, ("signatures", "retired"), lines)
            node = _section(text.encode(), path)
            left = {one.name for one in rules.read(node).signers} if node is not None else set()
            if signer.name in left:
                raise UserError("the file has a form in which this cannot be changed safely")
        except UserError as e:
            draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
            continue
        draft.write(path, text.encode())
        draft.did(what, path)
        draft.ask(f"sign the commit that changes {path} as an admin who stays")
        data = text.encode()


def _section(data: bytes, path: str) -> Node | None:
    """The section `signatures` of the policy."""
    found = mapping(load(data, path)).get("signatures")
    return found[1] if found is not None else None
