"""Changes of the text of a `.sops.yaml`: who is named, which rules there are; every other byte stays.

The places come from the nodes of the YAML text and pieces of it are put in or taken out: ruamel.yaml would
write the file anew, and with it indentation, quotes and line ends. Every result is read again and compared
with what it should mean; what cannot be done this way ends in a `UserError`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sopsguard.document.yaml_writer import scalar_text
from sopsguard.model import UserError
from sopsguard.sops import config
from sopsguard.sops.config import Config
from sopsguard.sops.goyaml import Node
from sopsguard.sops.masterkey import Key, recipient
from sopsguard.sops.rules import Rule, Scope

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")
_HINT = "change it by hand, and run `sopsguard check`"


@dataclass(frozen=True, slots=True)
class Member:
    """A recipient to name: as the alias `anchor` where a list allows it, else as `text`."""

    text: str
    anchor: str | None = None


@dataclass(slots=True)
class _Model:
    """What a configuration means: the rules, and what each anchor holds."""

    rules: list["_Meaning"]
    anchors: dict[str, str | None]
    rest: tuple[Any, ...]


@dataclass(slots=True)
class _Meaning:
    path_regex: str
    groups: list[Counter[tuple[str, str]]]
    flat: Counter[tuple[str, str]]
    scope: Scope
    threshold: int
    has_key_groups: bool
    others: tuple[str, ...] = field(default=())


def add_anchor(data: bytes, name: str, text: str, after: str | None = None, comment: str = "") -> bytes:
    """The configuration with the recipient `text` under the anchor `name`.

    It stands behind the anchor `after`, or behind the last one whose name begins alike, else behind the
    last one of its kind; without any, in a new list `keys`. `comment` comes behind it.
    """
    edit = _Edit(data)
    key = _key(text)
    if not _NAME.match(name):
        raise UserError(f"`{name}` is no name for an anchor", "letters, digits, `-` and `_`")
    if name in edit.model.anchors:
        raise UserError(f"the anchor `{name}` is there already", "choose another name")
    if re.search(r"[\r\n]", comment):
        raise UserError("a comment has one line")
    edit.add_anchor(name, text, after, f" # {comment}" if comment else "")
    edit.model.anchors[name] = key.normal
    return edit.result()


def add_recipient(data: bytes, rule: int, member: Member, group: int = 0) -> bytes:
    """The configuration with one more age recipient in a rule (both count from 0)."""
    edit = _Edit(data)
    key = _key(member.text)
    if key.family != "age":
        raise UserError("only age recipients are put into a rule here", _HINT)
    where = edit.rule(rule)
    meaning = edit.model.rules[rule]
    if where.has_key_groups and not 0 <= group < len(meaning.groups):
        raise UserError(f"rule {rule + 1} has no key group {group + 1}")
    if meaning.groups and meaning.groups[group][key.family, key.identity]:
        return data
    edit.add_recipient(where, group, member)
    new = (key.family, key.identity)
    if where.has_key_groups:
        meaning.groups[group][new] += 1
    else:
        meaning.flat[new] += 1
        meaning.groups = [meaning.groups[0] + Counter([new])] if meaning.groups else [Counter([new])]
    return edit.result()


def remove_recipient(data: bytes, text: str) -> bytes:
    """The configuration without a recipient: its anchors, the aliases, where it is written out, and the
    comments that name it. Refused if a rule would be left without anybody."""
    edit = _Edit(data)
    key = _key(text)
    gone = {name for name, normal in edit.model.anchors.items() if normal == key.normal}
    left = [
        rule for rule in edit.config.rules if any(k.normal == key.normal for k in (*rule.keys, *rule.flat))
    ]
    for rule in left:
        for part in (*rule.groups, rule.flat) if not rule.has_key_groups else rule.groups:
            if part and all(k.normal == key.normal for k in part):
                raise UserError(
                    f"rule {rule.index + 1} would have nobody left in a key group",
                    "remove the rule, or name somebody else in it first",
                )
        meaning = edit.model.rules[rule.index]
        ids = {(k.family, k.identity) for k in (*rule.keys, *rule.flat) if k.normal == key.normal}
        meaning.groups = [_without(group, ids) for group in meaning.groups]
        meaning.flat = _without(meaning.flat, ids)
    edit.remove_recipient(key, gone)
    for name in gone:
        del edit.model.anchors[name]
    return edit.result() if edit.splices else data


def add_rule(
    data: bytes, path_regex: str, members: Sequence[Member], scope: Scope | None = None,
    before: int | None = None,
) -> bytes:  # fmt: skip
    """The configuration with one more creation rule, for age recipients in one key group.

    It comes before the rule `before`, or before the first catch-all, else last, written like the others.
    """
    edit = _Edit(data)
    keys = [_key(member.text) for member in members]
    if not keys or any(key.family != "age" for key in keys):
        raise UserError("a new rule needs age recipients, and no others", _HINT)
    if not path_regex:
        raise UserError("a rule without an expression would end the search for all later ones")
    scope = scope or Scope()
    rules = edit.config.rules
    if before is None:
        before = next((rule.index for rule in rules if rule.is_catch_all), len(rules))
    edit.add_rule(before, path_regex, members, scope)
    ids = Counter((key.family, key.identity) for key in keys)
    grouped = edit.template is None or edit.template.has_key_groups
    new = _Meaning(path_regex, [ids], Counter() if grouped else ids, scope, 0, grouped)
    edit.model.rules.insert(before, new)
    return edit.result()


def remove_rule(data: bytes, rule: int) -> bytes:
    """The configuration without a creation rule and the comment lines right above it."""
    edit = _Edit(data)
    edit.rule(rule)
    start, end = edit.rule_lines(rule)
    if len(edit.config.rules) == 1:
        raise UserError("it is the only rule; without any, sops encrypts nothing", _HINT)
    edit.splices.append((start, end, ""))
    del edit.model.rules[rule]
    return edit.result()


def move_rule(data: bytes, rule: int, to: int) -> bytes:
    """The configuration with a creation rule in another place, its comment lines with it."""
    edit = _Edit(data)
    edit.rule(rule)
    edit.rule(to)
    if rule == to:
        return data
    start, end = edit.rule_lines(rule)
    at = edit.rule_lines(to)[0 if to < rule else 1]
    moved = edit.text[start:end]
    if not moved.endswith("\n"):
        moved = moved + edit.eol
    lead = edit.eol if at and edit.text[at - 1] != "\n" else ""
    edit.splices += [(start, end, ""), (at, at, lead + (moved.rstrip("\r\n") if lead else moved))]
    edit.model.rules.insert(to, edit.model.rules.pop(rule))
    return edit.result()


def _key(text: str) -> Key:
    key = recipient(text)
    if key is None or key.problem or re.search(r"[\r\n,]", text):
        raise UserError("this is no recipient that sops takes", "age1…, an SSH public key, or a fingerprint")
    return key


def _without(group: Counter[tuple[str, str]], gone: set[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter({key: count for key, count in group.items() if key not in gone})


def _model(found: Config) -> _Model:
    rules = [
        _Meaning(
            rule.path_regex,
            [Counter((key.family, key.identity) for key in group) for group in rule.groups],
            Counter((key.family, key.identity) for key in rule.flat),
            rule.scope,
            rule.shamir_threshold,
            rule.has_key_groups,
            tuple(unknown.name for unknown in rule.unknown),
        )
        for rule in found.rules
    ]
    anchors = {anchor.name: anchor.key.normal if anchor.key else None for anchor in found.anchors}
    rest = (dict(found.stores), len(found.destinations), [unknown.name for unknown in found.unknown])
    return _Model(rules, anchors, rest)


class _Edit:
    """One change of one text."""

    def __init__(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise UserError("the configuration is not UTF-8", _HINT) from None
        self.bom = "\ufeff" if text.startswith("\ufeff") else ""
        self.text = text.removeprefix("\ufeff")
        self.config = config.parse(data)
        if self.config.problems:
            problem = self.config.problems[0]
            raise UserError(f"the configuration is broken: {problem.message}", "mend it first")
        self.model = _model(self.config)
        self.eol = "\r\n" if "\r\n" in self.text else "\n"
        self.splices: list[tuple[int, int, str]] = []
        self.template: Rule | None = None
        self.parents: dict[int, tuple[Node, int]] = {}
        self.nodes: list[Node] = []
        if self.config.root is not None:
            pending = [self.config.root]
            while pending:
                node = pending.pop()
                self.nodes.append(node)
                for number, child in enumerate(node.children):
                    self.parents[id(child)] = (node, number)
                pending += reversed(node.children)

    def result(self) -> bytes:
        """The new text, if it means what it should."""
        text, at = "", 0
        for start, end, new in sorted(self.splices, key=lambda splice: splice[:2]):
            if start < at:
                raise self.refusal()
            text += self.text[at:start] + new
            at = end
        text += self.text[at:]
        if not self.text.endswith("\n"):
            text = text.removesuffix(self.eol)
        data = (self.bom + text).encode()
        found = config.parse(data)
        if found.problems:
            raise self.refusal()
        model = _model(found)
        # A list `keys` may come or go with its first or last anchor.
        before = [name for name in self.model.rest[2] if name != "keys"]
        after = [name for name in model.rest[2] if name != "keys"]
        same = before == after and model.rest[:2] == self.model.rest[:2]
        if not same or model.rules != self.model.rules or model.anchors != self.model.anchors:
            raise self.refusal()
        return data

    def refusal(self) -> UserError:
        return UserError("the configuration has a form in which this cannot be changed safely", _HINT)

    # places

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    def column(self, at: int) -> int:
        return at - self.line_start(at)

    def is_flow(self, node: Node) -> bool:
        return node.kind in ("sequence", "mapping") and self.text[self.body(node)] in "[{"

    def body(self, node: Node) -> int:
        """Where a node begins behind its anchor and tag."""
        found = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)*").match(self.text, node.span.start)
        return min(found.end() if found else node.span.start, len(self.text) - 1)

    def end(self, node: Node) -> int:
        """The end of the last line of a node."""
        while node.children and not self.is_flow(node):
            node = node.children[-1]
        at = node.span.end
        if node.kind == "scalar" and at > node.span.start and self.text[at - 1] == "\n":  # a block of text
            return self.line_end(node.span.start + len(self.text[node.span.start : at].rstrip()))
        if node.kind == "scalar" and node.span.start == at:  # nothing: go back to what it belongs to
            before = self.text[:at].rstrip()
            return self.line_end(len(before))
        return self.line_end(at)

    def dash(self, node: Node) -> int:
        """The dash of an element of a list in block form."""
        parent, number = self.parents[id(node)]
        first = self.body(parent)
        if number == 0:
            at = first
        else:
            column = self.column(first)
            line = self.line_start(node.span.start)
            while line > first and self.text[line : line + column + 1].strip(" ") != "-":
                line = self.line_start(line - 1)
            at = line + column
        if self.text[at : at + 1] != "-":
            raise self.refusal()
        return at

    def lines(self, start: int, end: int) -> tuple[int, int]:
        """The whole lines from an item to `end`, if it begins its line."""
        line = self.line_start(start)
        if self.text[line:start].strip(" "):
            raise self.refusal()
        return line, end

    def comments_above(self, line: int, wanted: Callable[[str], bool]) -> int:
        """The beginning of the comment lines right above a line, as long as they are `wanted`."""
        column = len(self.text[line:]) - len(self.text[line:].lstrip(" "))
        while line:
            above = self.line_start(line - 1)
            text = self.text[above:line].rstrip("\r\n")
            if not re.match(rf" {{{column}}}#", text) or not wanted(text):
                break
            line = above
        return line

    def rule(self, number: int) -> Rule:
        if not 0 <= number < len(self.config.rules):
            raise UserError(f"there is no rule {number + 1}")
        return self.config.rules[number]

    def field(self, mapping: Node, name: str) -> tuple[Node, Node] | None:
        return next((pair for pair in mapping.pairs() if pair[0].text == name), None)

    def rules(self) -> Node:
        root = self.config.root
        found = self.field(root, "creation_rules") if root is not None and root.kind == "mapping" else None
        if found is None or found[1].kind != "sequence" or self.is_flow(found[1]):
            raise self.refusal()
        return found[1]

    def rule_node(self, number: int) -> Node:
        node = self.rules().children[number]
        if node.kind != "mapping" or self.is_flow(node):
            raise self.refusal()
        return node

    def rule_lines(self, number: int) -> tuple[int, int]:
        node = self.rule_node(number)
        line, end = self.lines(self.dash(node), self.end(node))
        return self.comments_above(line, lambda _: True), end

    def insert_line(self, at: int, text: str) -> None:
        """A line of its own at the beginning of a line, or behind the last one."""
        if at and self.text[at - 1] != "\n":
            self.splices.append((at, at, self.eol + text))
        else:
            self.splices.append((at, at, text + self.eol))

    # anchors

    def add_anchor(self, name: str, text: str, after: str | None, comment: str) -> None:
        holders = [node for node in self.nodes if node.anchor and recipient(node.text) is not None]
        target: Node | None = None
        if after is not None:
            target = next((node for node in holders if node.anchor == after), None)
            if target is None:
                raise UserError(f"there is no anchor `{after}` that holds a recipient")
        else:
            outside = [node for node in holders if not self.is_in_rule(node)]
            stem = re.match(r"[A-Za-z0-9]+[_-]", name)
            alike = [n for n in outside if stem and (n.anchor or "").startswith(stem[0])]
            family = _key(text).family
            kin = [n for n in outside if (k := recipient(n.text)) and k.family == family]
            best = alike or kin or outside
            target = best[-1] if best else None
        written = f"&{name} {_scalar(text)}{comment}"
        if target is None:
            self.new_keys(written)
            return
        quote = self.text[self.body(target)]
        if quote in "\"'":
            written = f"&{name} {quote}{text}{quote}{comment}"
        parent, number = self.parents[id(target)]
        if self.is_flow(parent):
            raise self.refusal()
        if parent.kind == "sequence":
            prefix = " " * self.column(self.dash(target)) + "- "
        else:
            key = parent.children[number - 1]
            prefix = " " * self.column(key.span.start) + f"{name}: "
        self.insert_line(self.end(target), prefix + written)

    def is_in_rule(self, node: Node) -> bool:
        while id(node) in self.parents:
            parent, number = self.parents[id(node)]
            if id(parent) not in self.parents and parent.kind == "mapping":
                return parent.children[number - number % 2].text == "creation_rules"
            node = parent
        return False

    def new_keys(self, written: str) -> None:
        root = self.config.root
        if root is None or root.kind != "mapping" or self.is_flow(root):
            raise self.refusal()
        keys = self.field(root, "keys")
        if keys is not None:
            name, value = keys
            if value.kind == "scalar" and not value.text:
                self.insert_line(self.line_end(name.span.end), f"  - {written}")
            elif value.kind == "sequence" and value.children and not self.is_flow(value):
                last = value.children[-1]
                self.insert_line(self.end(last), " " * self.column(self.dash(last)) + f"- {written}")
            else:
                raise self.refusal()
            return
        found = self.field(root, "creation_rules")
        first = found[0] if found else root.children[0]
        line = self.line_start(first.span.start)
        above = self.comments_above(line, lambda _: True)
        line = above if self.text[:above].strip() else line  # a comment at the top is about the file
        self.splices.append((line, line, f"keys:{self.eol}  - {written}{self.eol}"))

    # recipients of rules

    def add_recipient(self, rule: Rule, group: int, member: Member) -> None:
        holder = self.rule_node(rule.index)
        if rule.has_key_groups:
            found = self.field(holder, "key_groups")
            assert found is not None
            groups = found[1]
            if groups.kind != "sequence" or groups.children[group].kind != "mapping":
                raise self.refusal()
            holder = groups.children[group]
        found = self.field(holder, "age")
        if found is None:
            if self.is_flow(holder) or not holder.children:
                raise self.refusal()
            column = self.column(holder.children[0].span.start)
            text = " " * column + f"age: {_scalar(member.text)}"
            if rule.has_key_groups:
                text = f"{' ' * column}age:{self.eol}{' ' * (column + 2)}- {self.member(member)}"
            self.insert_line(self.end(holder), text)
            return
        value = found[1]
        if value.kind == "sequence":
            self.append(value, self.member(member, value))
        elif value.kind == "scalar":
            self.append_text(value, member.text)
        else:
            raise UserError(
                f"the recipients of rule {rule.index + 1} are an alias, which other rules use too", _HINT
            )

    def member(self, member: Member, among: Node | None = None) -> str:
        """How a recipient is written in a list."""
        if member.anchor and self.model.anchors.get(member.anchor) == _key(member.text).normal:
            return f"*{member.anchor}"
        for node in among.children if among else ():
            quote = self.text[self.body(node)] if node.kind == "scalar" else ""
            if quote in ("'", '"'):
                return f"{quote}{member.text}{quote}"
        return _scalar(member.text)

    def append(self, sequence: Node, text: str) -> None:
        if not self.is_flow(sequence):
            last = sequence.children[-1]
            self.insert_line(self.end(last), " " * self.column(self.dash(last)) + f"- {text}")
            return
        if not sequence.children:
            at = self.body(sequence) + 1
            self.splices.append((at, at, text))
            return
        last = sequence.children[-1]
        at = last.span.end
        comma = re.compile(r"\s*,").match(self.text, at)
        if self.is_alone(last):  # one on each line, perhaps with a comment behind it
            line = self.text[self.line_start(last.span.start) : last.span.start]
            if not comma:
                self.splices.append((at, at, ","))
            self.insert_line(self.line_end(at), f"{line}{text}{',' if comma else ''}")
        elif comma:
            self.splices.append((comma.end(), comma.end(), f" {text},"))
        else:
            self.splices.append((at, at, f", {text}"))

    def is_alone(self, node: Node) -> bool:
        """Whether an element of a list in flow form has its line for itself."""
        before = self.text[self.line_start(node.span.start) : node.span.start]
        after = self.text[node.span.end : self.line_end(node.span.end)]
        return not before.strip() and re.fullmatch(r"\s*,?\s*(#.*)?\s*", after) is not None

    def append_text(self, scalar: Node, text: str) -> None:
        """One more at the end of `a,b`, in whatever quotes or on whatever lines."""
        start, end = self.body(scalar), scalar.span.end
        raw = self.text[start:end]
        if not scalar.text.strip():
            raise self.refusal()
        inner = raw.rstrip()
        if raw[:1] in "'\"":
            inner = raw[:-1]
        at = start + len(inner.rstrip())
        last = self.text[self.line_start(at) : at]
        several = "\n" in inner
        gap = self.eol + last[: len(last) - len(last.lstrip(" "))] if several else ""
        if not several and ", " in inner:
            gap = " "
        comma = "" if inner.rstrip().endswith(",") else ","
        self.splices.append((at, at, f"{comma}{gap}{text}"))

    # removal

    def remove_recipient(self, key: Key, gone: set[str]) -> None:
        doomed: list[Node] = []
        for node in self.nodes:
            if id(node) in self.parents and self.is_key(node):
                continue
            if node.kind == "alias":
                if node.target is not None and node.target.kind == "scalar" and self.names(node.target, key):
                    doomed.append(node)
            elif node.kind == "scalar":
                if "," in node.text:
                    self.cut(node, key)
                elif self.names(node, key):
                    doomed.append(node)
        self.take_out(doomed, gone)

    def is_key(self, node: Node) -> bool:
        parent, number = self.parents[id(node)]
        return parent.kind == "mapping" and number % 2 == 0

    def names(self, node: Node, key: Key) -> bool:
        found = recipient(node.text)
        return found is not None and found.normal == key.normal

    def cut(self, scalar: Node, key: Key) -> None:
        """Takes a recipient out of `a,b,c`."""
        parts = [part for part in scalar.text.split(",") if (k := recipient(part)) and k.normal == key.normal]
        start = self.body(scalar)
        raw = self.text[start : scalar.span.end]
        for part in {part.strip() for part in parts}:
            words = r"\s+".join(map(re.escape, part.split()))
            found = list(re.finditer(rf"(?<![^\s,'\"]){words}(?=\s*(?:[,'\"]|\Z))", raw))
            if not found:
                raise self.refusal()
            for one in found:
                behind = re.compile(r"[ \t]*,\s*").match(raw, one.end())
                before = re.search(r"\s*,\s*\Z", raw[: one.start()])
                if behind and raw[behind.end() : behind.end() + 1] not in ("", "'", '"'):
                    self.splices.append((start + one.start(), start + behind.end(), ""))
                elif before:
                    self.splices.append((start + before.start(), start + one.end(), ""))
                else:
                    raise self.refusal()

    def take_out(self, doomed: list[Node], gone: set[str]) -> None:
        """Removes nodes with their lines; a container that would be empty goes as well."""
        ids = {id(node) for node in doomed}
        while True:
            wider = {
                id(node)
                for node in self.nodes
                if node.children
                and id(node) not in ids
                and all(
                    id(child) in ids
                    for child in (node.children if node.kind == "sequence" else node.children[1::2])
                )
            }
            if not wider:
                break
            ids |= wider
        if self.config.root is not None and id(self.config.root) in ids:
            raise self.refusal()
        flows: dict[int, list[int]] = {}
        for node in self.nodes:
            if id(node) not in ids:
                continue
            parent, number = self.parents[id(node)]
            if id(parent) in ids:
                continue
            if self.is_flow(parent):
                flows.setdefault(id(parent), []).append(number)
            else:
                self.take_line(parent, node, gone)
        for node in self.nodes:
            if id(node) in flows:
                self.take_from_flow(node, flows[id(node)])

    def take_line(self, parent: Node, node: Node, gone: set[str]) -> None:
        if parent.kind == "sequence":
            start = self.dash(node)
        else:
            start = parent.children[self.parents[id(node)][1] - 1].span.start
        end = self.end(node)
        line = self.line_start(start)
        if self.text[line:start].strip(" "):  # `- age: …`, the first key behind a dash
            content = re.compile(r"\s*").match(self.text, end)
            self.splices.append((start, content.end() if content else end, ""))
            return
        others = set(self.model.anchors) - gone
        line = self.comments_above(line, lambda text: _mentions(text, gone) and not _mentions(text, others))
        self.splices.append((line, end, ""))

    def take_from_flow(self, parent: Node, numbers: list[int]) -> None:
        if parent.kind != "sequence":
            raise self.refusal()
        children = parent.children
        for number in numbers:
            child = children[number]
            after = next((n for n in range(number + 1, len(children)) if n not in numbers), None)
            if self.is_alone(child):
                start, end = self.line_start(child.span.start), self.line_end(child.span.end)
            elif after is not None:
                start, end = child.span.start, children[number + 1].span.start
            else:
                start, end = children[number - 1].span.end, child.span.end
            if not self.is_alone(child) and "#" in self.text[start:end]:
                raise self.refusal()  # whose comment it is cannot be told
            self.splices.append((start, end, ""))

    # rules

    def add_rule(self, before: int, path_regex: str, members: Sequence[Member], scope: Scope) -> None:
        rules = self.config.rules
        if not 0 <= before <= len(rules):
            raise UserError(f"there is no rule {before + 1}")
        if not rules:
            raise UserError("there is no rule to put it beside", _HINT)
        models = [rule for rule in rules if rule.keys and not rule.is_catch_all] or list(rules)
        self.template = models[-1]
        dash = self.column(self.dash(self.rule_node(0)))
        lines = list(self.written(self.template, dash, path_regex, members, scope))
        at = self.rule_lines(before)[0] if before < len(rules) else self.rule_lines(len(rules) - 1)[1]
        self.insert_line(at, self.eol.join(lines))

    def written(
        self, like: Rule, dash: int, path_regex: str, members: Sequence[Member], scope: Scope
    ) -> Iterator[str]:
        """The lines of a rule in the style of another one."""
        node = self.rule_node(like.index)
        inner = " " * self.column(node.children[0].span.start)
        found = self.field(node, "path_regex")
        quote = self.text[self.body(found[1])] if found else ""
        regex = scalar_text(path_regex, quote if quote in ("'", '"') else "")
        yield " " * dash + "-" + " " * (len(inner) - dash - 1) + f"path_regex: {regex}"
        for name, value in scope.chosen().items():
            yield f"{inner}{name}: {scalar_text(value)}"
        if scope.mac_only_encrypted:
            yield f"{inner}mac_only_encrypted: true"
        if not like.has_key_groups:
            yield from self.flat(node, inner, members)
            return
        groups = self.field(node, "key_groups")
        group = groups[1].children[0] if groups and groups[1].children else None
        age = self.field(group, "age") if group is not None and group.kind == "mapping" else None
        yield f"{inner}key_groups:"
        if groups is None or group is None or self.is_flow(groups[1]) or self.is_flow(group):
            outer, deeper = len(inner) + 2, len(inner) + 6
        else:
            outer = self.column(self.dash(group))
            deeper = outer + 4
            if age is not None and age[1].kind == "sequence" and not self.is_flow(age[1]):
                deeper = self.column(self.dash(age[1].children[0]))
        if age is not None and age[1].kind == "sequence" and self.is_flow(age[1]):
            yield f"{' ' * outer}- age: [{', '.join(self.member(member) for member in members)}]"
            return
        yield f"{' ' * outer}- age:"
        for member in members:
            yield f"{' ' * deeper}- {self.member(member, age[1] if age else None)}"

    def flat(self, node: Node, inner: str, members: Sequence[Member]) -> Iterator[str]:
        age = self.field(node, "age")
        if age is None or age[1].kind != "sequence":
            yield f"{inner}age: {scalar_text(','.join(member.text for member in members))}"
        elif self.is_flow(age[1]):
            yield f"{inner}age: [{', '.join(self.member(member, age[1]) for member in members)}]"
        else:
            yield f"{inner}age:"
            column = self.column(self.dash(age[1].children[0]))
            for member in members:
                yield f"{' ' * column}- {self.member(member, age[1])}"


def _scalar(text: str) -> str:
    return scalar_text(text)


def _mentions(comment: str, names: set[str]) -> bool:
    """Whether a comment names an anchor, with or without what it begins with (`host_`)."""
    for name in names:
        bare = re.sub(r"\A(?:host|user|server|admin|key|machine)[_-]", "", name)
        if re.search(rf"(?<![\w-])(?:{re.escape(name)}|{re.escape(bare)})(?![\w-])", comment, re.IGNORECASE):
            return True
    return False
