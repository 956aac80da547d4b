"""yaml · json · dotenv · ini · binary text, with the span of every value, read exactly as sops reads them."""

from sopsguard.document.tree import (
    MAX_DEPTH,
    MAX_NODES,
    Comment,
    Document,
    Flaw,
    Item,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Time,
    Unreadable,
    Value,
)

FORMATS = ("yaml", "json", "dotenv", "ini", "binary")
_ENDINGS = ((".yaml", "yaml"), (".yml", "yaml"), (".json", "json"), (".env", "dotenv"), (".ini", "ini"))

__all__ = [
    "FORMATS",
    "MAX_DEPTH",
    "MAX_NODES",
    "Comment",
    "Document",
    "Flaw",
    "Item",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Time",
    "Unreadable",
    "Value",
    "format_of",
    "read",
]


def format_of(path: str) -> str:
    """The store that sops picks for a path: by its end, case-sensitive; anything unknown is `binary`."""
    for ending, format in _ENDINGS:
        if path.endswith(ending):
            return format
    return "binary"


def read(data: bytes, format: str) -> Document:
    """Reads a text of one of `FORMATS`; `binary` is the JSON envelope of sops.

    Never slow, never deep: bounds end in `Unreadable`, as does everything that is not of the format.
    """
    if format == "yaml":
        from sopsguard.document.yaml_reader import read_yaml

        return read_yaml(data)
    if format in ("json", "binary"):
        from sopsguard.document.json_reader import read_json

        return read_json(data)
    if format == "dotenv":
        from sopsguard.document.dotenv import read_dotenv

        return read_dotenv(data)
    if format == "ini":
        from sopsguard.document.ini import read_ini

        return read_ini(data)
    raise ValueError(f"no such format: {format}")
