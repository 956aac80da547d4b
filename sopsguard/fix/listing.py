"""Writes down as `inventory.yaml` who the tree shows there is."""

from collections.abc import Iterable, Iterator

from sopsguard.fix import entries
from sopsguard.fix.plan import Draft
from sopsguard.fix.waive import quoted
from sopsguard.inventory import Holder, How, Inventory, stated
from sopsguard.keys import wireguard
from sopsguard.model import UserError, discreet, printable

_HEAD = "# Who there is, and what opens files for each. Derived from the tree: look at every line."


def write(draft: Draft, inventory: Inventory) -> None:
    """Plan the inventory on the draft: a new one, or in one that is there the hosts that the tree shows
    besides."""
    path = inventory.path
    if path is not None:
        _complete(draft, inventory, path)
        return
    path = stated.FILE
    if draft.read(path) is not None:
        draft.refuse(
            f"write {path}", "a file of that name is there, and is not ours: name another place in the policy"
        )
        return
    sections = (
        ("hosts", [h for h in inventory.hosts if not h.image]),
        ("people", list(inventory.people)),
        ("services", list(inventory.services)),
    )
    lines = [_HEAD]
    for name, holders in sections:
        if holders:
            lines.append(f"{name}:")
            lines += [f"  {line}" for holder in holders for line in _entry(holder)]
    if len(lines) == 1:
        draft.refuse(f"write {path}", "the tree shows nobody: there is no .sops.yaml, flake or public key")
        return
    for holder in inventory.unknown:
        texts = ", ".join(printable(r.text.strip()) for r in holder.recipients)
        draft.ask(f"say in {path} what {printable(holder.name)} is: a host, a person or a service ({texts})")
    text = "".join(f"{line}\n" for line in lines)
    try:
        stated.read(text.encode(), path)
    except UserError as e:
        draft.refuse(f"write {path}", f"what the tree shows contradicts itself: {e.message}")
        return
    draft.write(path, text.encode())
    draft.did(f"write down {sum(len(holders) for _, holders in sections)} holders in {path}", path)
    named = [h.name for h in inventory if any(r.how is How.NAMED for r in h.recipients)]
    if named:
        shown = ", ".join(named[:8]) + (" …" if len(named) > 8 else "")
        draft.ask(
            f"make sure whose the keys are that only a name tells: {shown}. From now on they are believed"
        )


def _complete(draft: Draft, inventory: Inventory, path: str) -> None:
    data = draft.read(path)
    missing = [h for h in inventory.undeclared if not h.image]
    if data is None or not missing:
        return
    text = data.decode()
    for holder in missing:
        try:
            text = entries.with_entry(text, ("hosts",), list(_entry(holder)))
            stated.read(text.encode(), path)
        except UserError as e:
            draft.refuse(f"enter {holder.name} in {path}", e.message)
            return
    draft.write(path, text.encode())
    draft.did(f"enter {', '.join(h.name for h in missing)} in {path}", path)


def _entry(holder: Holder) -> Iterator[str]:
    """The lines of a holder."""
    found = list(_fields(holder))
    yield f"{quoted(holder.name)}:"
    yield from (f"  {line}" for line in found)


def _fields(holder: Holder) -> Iterator[str]:
    aliases = [a for a in holder.aliases if a != holder.name]
    if aliases:
        yield f"aliases: [{', '.join(map(quoted, aliases))}]"
    recipients = {r.reader: r for r in sorted(holder.recipients, key=lambda r: r.how is not How.NAMED)}
    yield from _list(
        "recipients",
        (
            (
                quoted(" ".join(r.text.split()[:2])),
                f"only named: {r.said.reason}" if r.how is How.NAMED else "",
            )
            for r in recipients.values()
        ),
    )
    yield from _list("host_keys", ((k.line, "") for k in holder.host_keys))
    signing = (
        (f"{{{k.kind}: {quoted(k.key)}{f', file: {quoted(k.file)}' if k.file else ''}}}", "")
        for k in holder.signing_keys
    )
    yield from _list("signing_keys", signing)
    yield from _list("emails", ((quoted(email), "") for email in holder.emails))
    mesh = holder.wireguard
    if mesh is not None:
        parts = [f"address: {_flow(mesh.address)}"] if mesh.address else []
        # In Nix a name in capitals may still stand where a key belongs.
        known = isinstance(wireguard.key(mesh.public_key or ""), wireguard.Key)
        parts += [f"public_key: {mesh.public_key}"] if known else []
        parts += ["server: true"] if mesh.server else []
        if parts:
            yield f"wireguard: {{{', '.join(parts)}}}"


def _flow(text: str) -> str:
    return f'"{text}"' if ":" in text else text


def _list(name: str, items: Iterable[tuple[str, str]]) -> Iterator[str]:
    lines = [f"  - {text}{f'  # {discreet(printable(said))}' if said else ''}" for text, said in items]
    if lines:
        yield f"{name}:"
        yield from lines
