"""What `.nix` files say, read by a real parser and never evaluated.

On the way of a staged hook, so: no dataclasses, patterns compiled at first use, and tree-sitter imported
only when a file is parsed. Ask `may_hold_secrets` first; it is a plain search and spares all that for
most files. Hosts and references, which hooks rarely need, are in `sopsguard.nix.facts`.
"""

from sopsguard.nix.names import SecretKind
from sopsguard.nix.plaintext import LiteralSecret, may_hold_secrets, secrets
from sopsguard.nix.reading import Reading, literals
from sopsguard.nix.values import Attribute, Comment, Form, Kind, Role, Span, Unread, Value

__all__ = [
    "Attribute",
    "Comment",
    "Form",
    "Kind",
    "LiteralSecret",
    "Reading",
    "Role",
    "SecretKind",
    "Span",
    "Unread",
    "Value",
    "literals",
    "may_hold_secrets",
    "secrets",
]
