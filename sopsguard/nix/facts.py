"""What Nix files say about hosts and about SOPS secrets: declared, referenced, imported; never evaluated."""

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from sopsguard.nix.collected import WIREGUARD, Collected, Draft, HostDraft, Peer
from sopsguard.nix.conventions import (
    CONDITIONS,
    MODULES,
    OUTPUTS_ONLY,
    SELVES,
    USE_KINDS,
    collection_place,
    dotted,
    is_named,
    owner_of,
    reference_place,
    sops_place,
)
from sopsguard.nix.reading import WRAPPERS, Task, Walk
from sopsguard.nix.scope import Bound, Dynamic, Resolver, Scope, Text, component_of, text_of
from sopsguard.nix.stated import (
    Default,
    FileRef,
    HostName,
    Import,
    KeySource,
    Module,
    ModuleUse,
    NixFacts,
    Owner,
    Place,
    Template,
    Use,
    UseKind,
)
from sopsguard.nix.syntax import PATHS, SETS, application, errors, parse
from sopsguard.nix.values import MAX_PATH, Kind, Path, Role, Unread, Value

if TYPE_CHECKING:
    from tree_sitter import Node

# Expressions that are read more than once because a name or a function stands for them.
_EXPANSIONS = 2000
# Bytes of them: one expression may hold the next, and all of the file.
_EXPANDED = 1 << 20


def facts(source: bytes, path: str) -> NixFacts | Unread:
    """What the Nix file at `path` (in the repository) says. Never raises on any bytes.

    Options are those of sops-nix (modules/sops/default.nix), colmena and deploy-rs. Comments, strings and
    option descriptions never count; names that are computed are reported as such, with their place.
    """
    tree = parse(source)
    if isinstance(tree, Unread):
        return tree
    walk = _Survey(source, path)
    walk.run(tree.root_node)
    if walk.resolver.exhausted or walk.is_spent:
        walk.found.doubt(Place(0, 0, 1, 1), "names stand for each other too often to follow")
    return walk.found.result(errors(tree))


_KEY_OPTIONS = frozenset(
    (
        ("age", "keyFile"),
        ("age", "sshKeyPaths"),
        ("age", "generateKey"),
        ("gnupg", "home"),
        ("gnupg", "sshKeyPaths"),
    )
)
_DEFAULTS = frozenset((("defaultSopsFile",), ("defaultSopsFormat",), ("defaultSopsKey",)))
_OPAQUE = frozenset(("example", "defaultText", "description"))


class _Survey(Walk):
    """A walk that knows the scopes it is in and notes what concerns hosts and secrets."""

    def __init__(self, source: bytes, path: str) -> None:
        super().__init__(source)
        self.path = path
        self.folder = posixpath.dirname(path)
        self.resolver = Resolver(source)
        self.expansions = self.expanded = 0
        self.found = Collected(path)
        self.set_of: dict[int, int] = {}
        self.conditional = False

    def run(self, root: "Node") -> None:
        # colmena's hive.nix is the set of hosts itself
        top: Path = ("colmena",) if posixpath.basename(self.path) == "hive.nix" else ()
        self.stack.append(Task(root, top, leaf=bool(top)))
        while self.stack:
            task = self.stack.pop()
            self.conditional = task.conditional or self.is_condition(task)
            height = len(self.stack)
            self.visit(task)
            if self.conditional:
                self.stack[height:] = [below._replace(conditional=True) for below in self.stack[height:]]

    def is_condition(self, task: Task) -> bool:
        """Whether what stands below counts only if something holds."""
        kind = task.node.type
        if kind == "apply_expression":
            function, _ = application(task.node)
            if self.dotted(function).rpartition(".")[2] not in CONDITIONS:
                return False
        elif kind != "if_expression":
            return False
        place = sops_place(task.path)
        if task.leaf and place is not None and len(task.path) == place + 3:
            key = (task.path[:place], task.path[-1] or "")
            if key in self.found.drafts:  # `sops.secrets.a = mkIf …`: without the condition there is none
                self.found.drafts[key].conditional = True
        return True

    # places and names

    def place(self, node: "Node") -> Place:
        point = node.start_point
        start = node.start_byte
        return Place(start, node.end_byte, point.row + 1, self.column(start, point.column) + 1)

    def doubt(self, node: "Node", reason: str) -> None:
        self.found.doubt(self.place(node), reason)

    def opened(self, task: Task) -> Scope:
        return self.resolver.inside(task.node, task.scope)

    def attrpath(self, node: "Node", scope: Scope | None = None) -> Path:
        return self.resolver.attrpath(node, scope)

    def file(self, node: "Node", text: Text) -> FileRef:
        return FileRef(text, self.folder, self.place(node), self.conditional)

    # visiting

    def visit(self, task: Task) -> None:
        kind = task.node.type
        if kind == "select_expression":
            self.selection(task)
        elif kind == "variable_expression":
            self.variable(task)
        elif kind == "has_attr_expression":
            self.existence(task)
        elif kind == "with_expression":
            self.with_set(task)
        elif kind in PATHS:
            self.named_file(task)
            super().visit(task)
        elif kind == "inherit_from":
            self.inherit_from(task)
        elif kind == "inherit":
            self.inherit(task)
        elif not (kind == "apply_expression" and self.call(task)):
            super().visit(task)

    def binding(self, node: "Node", task: Task) -> None:
        target = node.child_by_field_name("attrpath")
        value = node.child_by_field_name("expression")
        if target is not None and value is not None:
            path = (task.path + self.attrpath(target, task.scope))[-MAX_PATH:]
            if path[-1:] and (path[-1] or "").lower() in WIREGUARD:
                self.set_of[value.start_byte] = task.node.start_byte
            self.named(path, target, task.declared)
        super().binding(node, task)

    def named(self, path: Path, node: "Node", declared: bool) -> None:
        """Note what the mere path of a binding declares."""
        place = sops_place(path)
        if place is not None and len(path) > place + 2 and not declared:
            if path[place + 1] == "secrets":
                self.draft(path, place, node)
            elif path[place + 1] == "templates":
                key = (path[:place], path[place + 2] or "")
                if key not in self.found.templates:
                    name = text_of(path[place + 2])
                    self.found.templates[key] = Template(name, self.place(node), owner_of(path[:place]))
                    if name.static is None:
                        self.doubt(node, "the name of a template is computed")
        self.host(path, node)

    def draft(self, path: Path, place: int, node: "Node") -> Draft:
        return self.found.draft(path, place, self.place(node), self.conditional)

    def host(self, path: Path, node: "Node") -> HostDraft | None:
        return self.found.host(path, self.place(node)) if collection_place(path) is not None else None

    def unnamed_hosts(self, path: Path, node: "Node", folder: FileRef | None, reason: str) -> None:
        self.found.unnamed_hosts(path, self.place(node), folder, reason)

    # values

    def emit(self, task: Task, value: Value) -> None:
        path, node = task.path, task.node
        place = sops_place(path)
        if place is not None and not task.declared:
            self.sops(task, value, place)
        elif not task.declared and path[-2:] == ("networking", "hostName"):
            text = self.resolver.text(node, task.scope)
            self.found.host_names.append(HostName(text, self.place(node), owner_of(path[:-2])))
            if text.static is None:
                self.doubt(node, "the host name is computed")
        last = (path[-1] or "").lower() if path else ""
        beside = self.set_of.get(node.start_byte)
        if beside is not None and not task.declared:
            peer = self.found.peers.setdefault((beside, path[:-1]), Peer())
            if last == "publickey":
                if value.kind is Kind.STRING:
                    peer.key = (self.resolver.text(node, task.scope), self.place(node), path)
            elif value.kind is Kind.LIST:
                items = self.resolver.items(node, task.scope) or []
                peer.beside.setdefault(last, []).extend(self.resolver.text(*item) for item in items)
            elif value.kind is Kind.BOOL:
                peer.beside.setdefault(last, []).append(Text((value.name,)))
            elif value.kind is Kind.STRING:
                peer.beside.setdefault(last, []).append(self.resolver.text(node, task.scope))
        found = collection_place(path)
        computed = value.kind not in (Kind.SET, Kind.NULL)
        output = found is not None and (found > 0 or path[0] not in OUTPUTS_ONLY)
        if found is not None and len(path) == found + 1 and computed and output and task.role is not Role.LET:
            self.unnamed_hosts(path, node, None, "the set of hosts is computed")

    def sops(self, task: Task, value: Value, place: int) -> None:
        """A value below `sops`."""
        path, node, rest = task.path, task.node, task.path[place + 1 :]
        owner = owner_of(path[:place])
        empty = value.kind in (Kind.SET, Kind.NULL)
        if rest in _DEFAULTS:
            if not empty:
                default = Default(self.place(node), owner, within=dotted(path[:place]))
                self.default(task, rest[0] or "", default)
        elif rest in _KEY_OPTIONS:
            option = ".".join(name or "" for name in rest)
            items = self.resolver.items(node, task.scope)
            if value.kind is Kind.BOOL:
                self.found.key_sources.append(KeySource(option, Text((value.name,)), self.place(node), owner))
            elif items is not None:
                for item, scope in items:
                    text = self.resolver.text(item, scope)
                    self.found.key_sources.append(KeySource(option, text, self.place(item), owner))
            elif not empty:
                text = self.resolver.text(node, task.scope)
                self.found.key_sources.append(KeySource(option, text, self.place(node), owner))
        elif rest[:1] == ("secrets",) and len(rest) == 1:
            if not empty:
                self.doubt(node, "the set of secrets is computed")
        elif rest[:1] == ("secrets",):
            draft = self.draft(path, place, node)
            if len(rest) == 2:
                draft.partial = draft.partial or not empty
            elif len(rest) == 3 and value.kind is not Kind.NULL:
                name = rest[2] or ""
                if name == "sopsFile":
                    draft.files.append(self.sops_file(task))
                else:
                    text = (
                        Text((value.name,))
                        if value.kind is Kind.BOOL
                        else self.resolver.text(node, task.scope)
                    )
                    draft.fields.append((name, text))
        elif (rest == () and value.name == "import") or (rest == ("templates",) and not empty):
            self.doubt(node, f"the set `{'.'.join(('sops', *(name or '' for name in rest)))}` is computed")

    def default(self, task: Task, name: str, default: Default) -> None:
        if name == "defaultSopsFile":
            default = replace(default, file=self.sops_file(task))
        elif name == "defaultSopsFormat":
            default = replace(default, format=self.resolver.text(task.node, task.scope))
        else:
            default = replace(default, key=self.resolver.text(task.node, task.scope))
        self.found.defaults.append(default)

    def sops_file(self, task: Task) -> FileRef:
        file = self.file(task.node, self.resolver.text(task.node, task.scope))
        if file.text.static is None:
            self.doubt(task.node, "the path of a SOPS file is computed")
        return file

    def named_file(self, task: Task) -> None:
        """A path literal: of a host, or imported."""
        path = task.path
        text = self.resolver.text(task.node, task.scope)
        file = self.file(task.node, text)
        host = self.host(path, task.node)
        if host is not None:
            host.files.append(file)
        if len(path) > 1 and path[-2] in MODULES:
            self.found.modules[(file.place.start, path[-1] or "")] = Module(text_of(path[-1]), file)
        if path and (path[-1] in ("imports", "modules") or host is not None) and sops_place(path) is None:
            self.found.imports.setdefault((file.place.start, text.pattern), Import(file, dotted(path)))

    # references

    def selection(self, task: Task) -> None:
        node = task.node
        symbol = self.resolver.symbol(node, task.scope)
        known = symbol is not None and self.reference(symbol, task)
        head = node.child_by_field_name("expression")
        if not known and task.leaf:
            self.emit(task, self.value(node))
        for child in node.named_children:
            kind = child.type
            if kind == "attrpath":
                for part in child.named_children:
                    if part.type != "identifier":
                        self.search(part, task)
            elif child != head:
                self.push(child, task, leaf=task.leaf)
            elif symbol is None:
                self.push(child, task, leaf=False)
        if known and task.leaf:
            self.emit(task, Value(Kind.REFERENCE, node.start_byte, node.end_byte))

    def variable(self, task: Task) -> None:
        node, scope = task.node, task.scope
        if task.leaf and self.expand(task):
            return
        name = self.written(node)
        bound = self.resolver.lookup(name, scope)
        if bound is None or (bound.node is not None and (bound.member or self.is_alias(bound))):
            symbol = self.resolver.symbol(node, scope)
            if symbol is not None and len(symbol) > 1 and not (bound and bound.member and is_named(symbol)):
                self.reference(symbol, task)
        if task.leaf:
            self.emit(task, self.value(node))

    def is_alias(self, bound: Bound) -> bool:
        """Whether a `let` stands for a whole set of secrets."""
        symbol = None if bound.node is None else self.resolver.symbol(bound.node, bound.scope)
        return symbol is not None and reference_place(symbol) is not None and not is_named(symbol)

    def expand(self, task: Task) -> bool:
        """Go on with the expression that a name stands for, where what it says matters."""
        path = task.path
        if (
            sops_place(path) is None
            and collection_place(path) is None
            and path[-1:] not in (("imports",), ("modules",), ("sops",))
        ):
            return False
        target, scope = self.resolver.followed(task.node, task.scope)
        if target.type == "variable_expression" or self.spent(task.node, target):
            return False
        self.stack.append(Task(target, path, True, task.role, task.declared, scope))
        return True

    @property
    def is_spent(self) -> bool:
        """Whether names stood for other expressions too often, or for too much."""
        return self.expansions > _EXPANSIONS or self.expanded > _EXPANDED

    def spent(self, node: "Node", other: "Node") -> bool:
        """Whether there is no allowance left for reading `other` in the place of `node`."""
        self.expansions += 1
        self.expanded += other.end_byte - other.start_byte
        if self.is_spent:
            self.doubt(node, "too many names to follow")
            return True
        return False

    def reference(self, symbol: tuple[str, ...], task: Task, attribute: str | None = None) -> bool:
        """Note a reference to a secret, template or placeholder; False when `symbol` is none."""
        place = reference_place(symbol)
        if place is None:
            self.module_use(symbol, task)
            return False
        node, path = task.node, task.path
        if task.declared and not _OPAQUE.isdisjoint(path):
            return True
        kind = USE_KINDS[symbol[place + 1]]
        if len(symbol) <= place + 2:
            if attribute is None and not (task.leaf and task.role is Role.LET):
                self.use(kind, None, "", task)
            return True
        name = text_of(symbol[place + 2])
        if name.static is None:
            self.doubt(node, f"the name of a {kind} is computed")
        taken = symbol[place + 3] if len(symbol) > place + 3 else ""
        owner = owner_of(symbol[: place + 1])
        self.use(kind, name, attribute or taken, task, owner)
        return True

    def module_use(self, symbol: tuple[str, ...], task: Task) -> None:
        """`self.nixosModules.common`: a module of this flake, not of another input."""
        for place, name in enumerate(symbol[1:-1], 1):
            if name in MODULES and symbol[:place] in SELVES:
                module = text_of(symbol[place + 1])
                start = task.node.start_byte
                use = ModuleUse(module, dotted(task.path), self.place(task.node))
                self.found.module_uses[(start, module.pattern)] = use
                host = self.host(task.path, task.node)
                if host is not None:
                    host.modules.append(module)

    def use(
        self, kind: UseKind, name: Text | None, attribute: str, task: Task, owner: Owner | None = None
    ) -> None:
        node = task.node
        if owner is None or owner == Owner():
            owner = owner_of(task.path)
        key = (node.start_byte, node.end_byte, f"{kind} {name.pattern if name else ''}")
        optional = node.type != "variable_expression" and (
            node.type != "select_expression" or node.child_by_field_name("default") is not None
        )
        use = Use(kind, name, attribute, dotted(task.path), self.place(node), owner, optional)
        self.found.uses.setdefault(key, use)

    def existence(self, task: Task) -> None:
        """`config.sops.secrets ? x`: asks, and uses nothing."""
        head = task.node.child_by_field_name("expression")
        path = task.node.child_by_field_name("attrpath")
        symbol = None if head is None else self.resolver.symbol(head, task.scope)
        if symbol is None or path is None or "sops" not in symbol:
            super().visit(task)
            return
        full = symbol + self.resolver.attrpath(path, task.scope)
        if reference_place(full) is not None and is_named(full):
            self.reference(full, task, "?")

    def with_set(self, task: Task) -> None:
        """`with config.sops.secrets;` uses nothing by itself."""
        subject = task.node.child_by_field_name("environment")
        body = task.node.child_by_field_name("body")
        symbol = None if subject is None else self.resolver.symbol(subject, task.scope)
        if body is not None and symbol is not None and reference_place(symbol) is not None:
            self.push(body, task, leaf=task.leaf, scope=self.opened(task))
        else:
            super().visit(task)

    # inherit

    def inherit_from(self, task: Task) -> None:
        node = task.node
        source = node.child_by_field_name("expression")
        names = self.resolver.inherited(node)
        symbol = None if source is None else self.resolver.symbol(source, task.scope)
        if symbol is not None and "sops" in symbol:
            for name in names:
                full = (*symbol, name)
                if is_named(full) or task.role is not Role.LET:
                    self.reference(full, task)
        elif source is not None:
            self.push(source, task, leaf=False)
        for name in names:
            self.inherited(task, name, None)

    def inherit(self, task: Task) -> None:
        for name in self.resolver.inherited(task.node):
            self.inherited(task, name, self.resolver.lookup(name, task.scope))

    def inherited(self, task: Task, name: str, bound: Bound | None) -> None:
        """`inherit name;` binds like `name = name;`."""
        path = (*task.path, name)
        place = sops_place(path)
        if place is None and collection_place(path) is None and path[-2:] != ("networking", "hostName"):
            return
        if task.role is Role.LET:
            return
        self.named(path, task.node, task.declared)
        if (
            bound is not None
            and bound.node is not None
            and not bound.member
            and not self.spent(task.node, bound.node)
        ):
            self.stack.append(Task(bound.node, path, True, task.role, task.declared, bound.scope))
        elif place is not None and len(path) == place + 3 and path[place + 1] == "secrets":
            self.draft(path, place, task.node).partial = True
        elif place is not None and len(path) == place + 4 and name == "sopsFile":
            self.draft(path, place, task.node).files.append(self.file(task.node, text_of(None)))
            self.doubt(task.node, "the path of a SOPS file is computed")

    # calls

    def call(self, task: Task) -> bool:
        """Functions that make sets of secrets or hosts; True when the call was read here."""
        path, node = task.path, task.node
        function, arguments = application(node)
        name = self.dotted(function)
        short = name.rpartition(".")[2]
        if short == "import" and arguments and arguments[0].type in PATHS:
            text = self.resolver.text(arguments[0], task.scope)
            file = self.file(arguments[0], text)
            self.found.imports.setdefault((file.place.start, text.pattern), Import(file, dotted(path)))
        if short in ("attrByPath", "getAttrFromPath") and arguments:
            self.by_path(task, arguments)
        if short == "getAttr":
            symbol = self.resolver.symbol(node, task.scope)
            if symbol is not None and self.reference(symbol, task):
                return True
        if short == "hasAttr" and len(arguments) == 2:
            symbol = self.resolver.symbol(arguments[1], task.scope)
            if symbol is not None and "sops" in symbol:
                asked = component_of(self.resolver.text(arguments[0], task.scope))
                return self.reference((*symbol, asked), task, "?")
        self.called(task, function, arguments)
        if not task.leaf or WRAPPERS.get(short) == len(arguments):
            return False
        place, found = sops_place(path), collection_place(path)
        names_level = (
            place is not None and len(path) == place + 2 and path[-1] in ("secrets", "templates")
        ) or (found is not None and len(path) == found + 1)
        if names_level:
            if not self.generated(task, short, arguments):
                if short == "makeHive" and len(arguments) == 1:
                    self.stack.append(task._replace(node=arguments[0]))
                    return True
                reason = f"the names are computed by `{short or 'a function'}`"
                if found is not None:
                    self.unnamed_hosts(path, node, self.read_folder(arguments, task.scope), reason)
                else:
                    self.doubt(node, reason)
                self.elsewhere(arguments, task)
            return True
        if (place is not None or found is not None) and not self.is_spent:
            given: list[tuple[Node | str, Scope | None]] = [(argument, task.scope) for argument in arguments]
            body = self.resolver.applied(function, task.scope, given)
            if body is not None and not self.spent(node, body[0]):
                self.stack.append(Task(body[0], path, True, task.role, task.declared, body[1]))
                self.elsewhere(arguments, task, () if found is None else path)
                return True
            if place is not None and len(path) == place + 3 and path[place + 1] == "secrets":
                self.draft(path, place, node).partial = True
        return False

    def called(self, task: Task, function: "Node", arguments: list["Node"]) -> None:
        """`secret "x"` where `secret = name: config.sops.secrets.${name}.path` in the same file."""
        if function.type != "variable_expression" or self.resolver.exhausted:
            return
        target, _ = self.resolver.followed(function, task.scope)
        if target.type != "function_expression":
            return
        given: list[tuple[Node | str, Scope | None]] = [(argument, task.scope) for argument in arguments]
        body = self.resolver.applied(function, task.scope, given)
        symbol = None if body is None else self.resolver.symbol(*body)
        if symbol is not None and is_named(symbol):
            self.reference(symbol, task)

    def elsewhere(self, arguments: list["Node"], task: Task, path: Path = ()) -> None:
        """Read arguments for what they refer to, but not as part of the set."""
        for argument in arguments:
            self.stack.append(Task(argument, path, False, Role.SET, task.declared, task.scope))

    def generated(self, task: Task, short: str, arguments: list["Node"]) -> bool:
        """`genAttrs`, `mapAttrs`, `listToAttrs`, `mergeAttrsList` over what can be read."""
        scope = task.scope
        if short == "genAttrs" and len(arguments) == 2:
            items = self.resolver.items(arguments[0], scope)
            if items is None:
                return False
            for item, origin in items:
                text = self.resolver.text(item, origin)
                known = text.static
                self.made(task, text, item, arguments[1], [(item, origin) if known is None else known])
            return True
        if short in ("mapAttrs", "mapAttrsToList") and len(arguments) == 2:
            entries = self.entries(arguments[1], scope)
            if entries is None:
                return False
            for name, value, origin in entries:
                item = arguments[1] if isinstance(value, str) else value
                self.made(task, text_of(name), item, arguments[0], [name, (value, origin)])
            return True
        if short == "listToAttrs" and len(arguments) == 1:
            return self.listed(task, arguments[0])
        if short == "mergeAttrsList" and len(arguments) == 1:
            items = self.resolver.items(arguments[0], scope)
            for item, origin in items or ():
                self.stack.append(task._replace(node=item, scope=origin))
            return items is not None
        return False

    def listed(self, task: Task, node: "Node") -> bool:
        """`listToAttrs [ { name = …; value = …; } (nameValuePair … …) ]`, or `map` over names."""
        node, scope = self.resolver.followed(node, task.scope)
        function: Node | None = None
        items = self.resolver.items(node, scope)
        if items is None and node.type == "apply_expression":
            head, arguments = application(node)
            if self.dotted(head).rpartition(".")[2] == "map" and len(arguments) == 2:
                function, items = arguments[0], self.resolver.items(arguments[1], scope)
        if items is None:
            return False
        for item, origin in items:
            body: tuple[Node, Scope | None] | None = (item, origin)
            if function is not None:
                text = self.resolver.text(item, origin)
                argument: Node | str = item if text.static is None else text.static
                body = self.resolver.applied(function, scope, [(argument, origin)])
            pair = None if body is None else self.pair(*body)
            if pair is None:
                self.doubt(item, "the names are computed")
                continue
            name, value, inner = pair
            path = (*task.path, component_of(name))
            self.named(path, item, task.declared)
            if not self.spent(item, value):
                self.stack.append(Task(value, path, True, task.role, task.declared, inner))
        return True

    def pair(self, node: "Node", scope: Scope | None) -> "tuple[Text, Node, Scope | None] | None":
        node, scope = self.resolver.followed(node, scope)
        if node.type == "apply_expression":
            head, arguments = application(node)
            if self.dotted(head).rpartition(".")[2] == "nameValuePair" and len(arguments) == 2:
                return self.resolver.text(arguments[0], scope), arguments[1], scope
            return None
        entries = {name: (value, origin) for name, value, origin in self.entries(node, scope) or ()}
        if "name" in entries and "value" in entries:
            (name, origin), (value, inner) = entries["name"], entries["value"]
            text = Text((name,)) if isinstance(name, str) else self.resolver.text(name, origin)
            if not isinstance(value, str):
                return text, value, inner
        return None

    def made(
        self,
        task: Task,
        name: Text,
        item: "Node",
        function: "Node",
        arguments: "list[str | tuple[Node | str, Scope | None]]",
    ) -> None:
        """One attribute that a function makes for a name."""
        path = (*task.path, component_of(name))
        self.named(path, item, task.declared)
        if self.is_spent:
            return
        given: list[tuple[Node | str, Scope | None]] = [
            (argument, None) if isinstance(argument, str) else argument for argument in arguments
        ]
        body = self.resolver.applied(function, task.scope, given)
        if body is not None and not self.spent(item, body[0]):
            self.stack.append(Task(body[0], path, True, task.role, task.declared, body[1]))
            return
        place = sops_place(path)
        if place is not None and path[place + 1] == "secrets":
            self.draft(path, place, item).partial = True

    def entries(
        self, node: "Node", scope: Scope | None
    ) -> "list[tuple[str, Node | str, Scope | None]] | None":
        """Names and values of a literal set with plain names."""
        node, scope = self.resolver.followed(node, scope)
        if node.type not in SETS:
            return None
        if node.type != "attrset_expression":
            scope = self.resolver.inside(node, scope)
        found: list[tuple[str, Node | str, Scope | None]] = []
        for child in node.named_children:
            for binding in child.named_children if child.type == "binding_set" else ():
                if binding.type == "inherit":
                    for name in self.resolver.inherited(binding):
                        bound = self.resolver.lookup(name, scope)
                        value = None if bound is None or bound.member else bound.node or bound.constant
                        if bound is None or value is None:
                            return None
                        found.append((name, value, bound.scope))
                    continue
                target = binding.child_by_field_name("attrpath")
                expression = binding.child_by_field_name("expression")
                path = () if target is None else self.attrpath(target, scope)
                if binding.type == "comment":
                    continue
                if expression is None or not path or path[0] is None or isinstance(path[0], Dynamic):
                    return None
                # of `web.ip = …` the name is known, and the value spread over several bindings
                found.append((path[0], expression if len(path) == 1 else "", scope))
        return list({name: (name, value, origin) for name, value, origin in found}.values())

    def read_folder(self, arguments: list["Node"], scope: Scope | None) -> FileRef | None:
        """The folder that a call lists with `readDir`, somewhere in its arguments."""
        stack = list(arguments)
        for _ in range(200):
            if not stack:
                return None
            node, _origin = self.resolver.followed(stack.pop(), scope)
            if node.type == "apply_expression":
                head, given = application(node)
                if self.dotted(head).rpartition(".")[2] == "readDir" and given:
                    return self.file(given[0], self.resolver.text(given[0], scope))
            stack.extend(node.named_children)
        return None

    def by_path(self, task: Task, arguments: list["Node"]) -> None:
        """`lib.attrByPath [ "sops" "secrets" "x" "path" ] null config`."""
        items = self.resolver.items(arguments[0], task.scope)
        symbol = self.resolver.symbol(arguments[-1], task.scope)
        if items is not None and symbol is not None:
            names = (self.resolver.text(*item) for item in items[:20])
            self.reference(
                symbol + tuple(component_of(t) for t in names),
                task._replace(leaf=False),
            )
