"""The syntax tree of a Nix file, by tree-sitter, which is imported when the first file is parsed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sopsguard.nix.values import Comment, Span, Unread

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

# Generated package sets reach a megabyte (30 MB of memory, half a second). Nothing but braces costs the
# parser seven times as much.
MAX_SOURCE = 2 << 20
_CHUNK = 1024
_SPANS = 100

STRINGS = frozenset(("string_expression", "indented_string_expression"))
PATHS = frozenset(("path_expression", "hpath_expression", "spath_expression"))
SETS = frozenset(("attrset_expression", "rec_attrset_expression", "let_attrset_expression"))

_parser: "Parser | None" = None


def engine() -> "Parser":
    """The parser, made once; ImportError where it is missing or too old."""
    global _parser
    if _parser is None:
        import tree_sitter
        from tree_sitter import Language, Parser

        # Before 0.26.1 every call of the progress callback loses a reference to False: soon a crash.
        version = getattr(tree_sitter, "__version__", "0").split(".")
        if [int(part) for part in version if part.isdigit()] < [0, 26, 1]:
            raise ImportError("tree-sitter is older than 0.26.1")
        _parser = Parser(Language(_grammar()))
    return _parser


def _grammar() -> Any:
    # The package's __init__ imports importlib.resources (10 ms, for query files we do not use);
    # its extension module alone is all we need.
    from importlib.machinery import PathFinder

    package = PathFinder.find_spec("tree_sitter_nix")
    if package is None or package.submodule_search_locations is None:
        raise ImportError("tree_sitter_nix")
    spec = PathFinder.find_spec("tree_sitter_nix._binding", list(package.submodule_search_locations))
    if spec is not None and spec.loader is not None:
        module = spec.loader.create_module(spec)
        if module is not None:
            spec.loader.exec_module(module)
            return module.language()
    import tree_sitter_nix

    return tree_sitter_nix.language()


def parse(source: bytes) -> "Tree | Unread":
    """The syntax tree of `source`, or why there is none. Pipe operators are read as operators."""
    if len(source) > MAX_SOURCE:
        return Unread(f"larger than {MAX_SOURCE >> 20} MiB", "a smaller file")
    try:
        tree = _parsed(source)
    except ImportError:
        needed = "tree-sitter (0.26.1 or newer) and tree-sitter-nix"
        return Unread("the Nix parser is not installed or too old", needed)
    if tree is None:
        return Unread("the Nix parser does not get through it", "a file that is written like Nix")
    if tree.root_node.has_error and (b"|>" in source or b"<|" in source):
        # The grammar does not know Nix's pipe operators. `++` has the same length and shape.
        patched = bytearray(source)
        for node in broken(tree):
            for offset in range(max(0, node.start_byte - 1), min(node.end_byte + 1, len(source) - 1)):
                if source[offset : offset + 2] in (b"|>", b"<|"):
                    patched[offset : offset + 2] = b"++"
        again = _parsed(bytes(patched))
        if again is not None and not again.root_node.has_error:
            return again
    return tree


def _parsed(source: bytes) -> "Tree | None":
    """The tree, or None when parsing costs far more than it does for any real file.

    The parser's error recovery and look-ahead are quadratic and worse (20 KB of `]-++./` take four
    seconds, one megabyte for ever). So its work is counted: in steps, and in chunks read again. A file
    of ordinary Nix needs a step for 70 bytes and reads each chunk once or twice.
    """
    parser = engine()
    steps = 3000 + len(source) // 20
    reads = 3000 + len(source) // _CHUNK * 20

    def read(offset: int, _point: object) -> bytes:
        nonlocal reads
        reads -= 1
        return source[offset : offset + _CHUNK] if reads > 0 else b""

    def is_too_long(_offset: int, _has_error: bool) -> bool:
        nonlocal steps
        steps -= 1
        return steps < 0 or reads <= 0

    try:
        tree = parser.parse(read, progress_callback=is_too_long)
    except ValueError:  # what the binding raises when the callback says stop
        parser.reset()
        return None
    return tree if reads > 0 else None


def broken(tree: "Tree") -> Iterator["Node"]:
    """ERROR and MISSING nodes, outermost first."""
    stack = [tree.root_node]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            stack.extend(reversed(node.children))


def errors(tree: "Tree") -> tuple[Span, ...]:
    """The spans that could not be parsed; the last one reaches to the end when there are very many."""
    if not tree.root_node.has_error:
        return ()
    spans: list[Span] = []
    for node in broken(tree):
        end = tree.root_node if len(spans) == _SPANS - 1 else node
        line, end_line = node.start_point.row + 1, end.end_point.row + 1
        spans.append(Span(node.start_byte, end.end_byte, line, end_line))
        if len(spans) == _SPANS:
            break
    return tuple(spans)


def comments(tree: "Tree", source: bytes) -> Iterator[Comment]:
    if b"#" not in source and b"/*" not in source:
        return
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node is not None and node.type == "comment":
            text = source[node.start_byte : node.end_byte].decode(errors="replace")
            start, end = node.start_point.row + 1, node.end_point.row + 1
            yield Comment(text, node.start_byte, node.end_byte, start, end)
        elif cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def operator_of(node: "Node") -> str:
    operator = node.child_by_field_name("operator")
    return "" if operator is None else operator.type


def operands(node: "Node") -> list["Node"]:
    """The operands of a chain of `+`, from left to right, parentheses around strings opened."""
    operands = []
    stack = [node]
    while stack:
        current = stack.pop()
        while current.type == "parenthesized_expression":
            inner = current.child_by_field_name("expression")
            if inner is None:
                break
            current = inner
        if current.type == "binary_expression" and operator_of(current) == "+":
            left, right = current.child_by_field_name("left"), current.child_by_field_name("right")
            stack.extend(side for side in (right, left) if side is not None)
        else:
            operands.append(current)
    return operands


def application(node: "Node") -> tuple["Node", list["Node"]]:
    """The function of `f a b c` and its arguments."""
    arguments = []
    while node.type == "apply_expression":
        function = node.child_by_field_name("function")
        argument = node.child_by_field_name("argument")
        if function is None or argument is None:
            break
        arguments.append(argument)
        node = function
    return node, arguments[::-1]
