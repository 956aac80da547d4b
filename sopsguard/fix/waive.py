"""A new waiver in the text of `.sopsguard.yaml`, leaving every other byte as it is."""

from sopsguard.model import UserError
from sopsguard.policy import FILE, Waiver


def with_waiver(text: str, waiver: Waiver) -> str:
    """The policy text with the waiver added to its list.

    A list in block form gets one more item; an absent or empty one is begun. A list in flow form
    (`[…]`) with items is refused, because it cannot be extended without rewriting it.
    """
    import yaml

    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader) if text.strip() else None
    except yaml.YAMLError:  # libyaml, which reads the policy, takes a little more than PyYAML's own parser
        raise UserError(
            f"{FILE} has a form that cannot be extended safely", "add the waiver by hand"
        ) from None
    pair = (
        next((p for p in node.value if p[0].value == "waivers"), None)
        if isinstance(node, yaml.MappingNode)
        else None
    )
    if pair is None:
        if isinstance(node, yaml.MappingNode) and node.flow_style:
            raise UserError(
                f"{FILE} is written in flow form",
                "write it in block form (`key: value` on lines of their own)",
            )
        head = text if not text or text.endswith("\n") else text + newline
        return head + "waivers:" + newline + _item(waiver, "  ", newline)
    items = pair[1]
    if not isinstance(items, yaml.SequenceNode) or not items.value:
        start, end = pair[0].end_mark.index, pair[1].end_mark.index
        return (
            text[:start] + ":" + newline + _item(waiver, "  ", newline).rstrip() + _rest(text, end, newline)
        )
    if items.flow_style:
        raise UserError(f"{FILE}: the waivers are written as [ … ]", "write them as a list of `- ` items")
    last = items.value[-1]
    end = text.find("\n", last.value[-1][1].end_mark.index - 1)
    end = len(text) if end < 0 else end + 1
    head = text[:end] if text[:end].endswith("\n") else text[:end] + newline
    return head + _item(waiver, " " * (items.value[0].start_mark.column - 2), newline) + text[end:]


def _rest(text: str, end: int, newline: str) -> str:
    return text[end:] or newline


def _item(waiver: Waiver, indent: str, newline: str) -> str:
    fields = [("rule", waiver.rule), ("path", waiver.path)]
    if waiver.finding:
        fields.append(("finding", waiver.finding))
    fields += [("reason", waiver.reason), ("until", waiver.until)]
    lines = [f"{name}: {quoted(value)}" for name, value in fields]
    return "".join(f"{indent}{'- ' if n == 0 else '  '}{line}{newline}" for n, line in enumerate(lines))


def quoted(text: str) -> str:
    """The text as a YAML scalar that reads back as the same text: plain where that is safe, else in
    double quotes."""
    import re

    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9]", text) and text.lower() not in _WORDS:
        return text
    from json import dumps

    # JSON would write characters above U+FFFF as surrogate pairs, which YAML does not know.
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in dumps(text, ensure_ascii=False))


# Plain scalars that are no text in YAML 1.1.
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
