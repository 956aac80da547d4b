"""The SOPS files of a repository held to the schemas they are mapped to, and to what their names say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sopsguard.model import UserError, printable
from sopsguard.sops.file import Broken, SopsFile
from sopsguard.sops.opening import Opened, Refused
from sopsguard.structure import names
from sopsguard.structure.hosts import Entry, entries
from sopsguard.structure.judgement import Budget, Fault, Verdict, judge
from sopsguard.structure.schema import Schema
from sopsguard.structure.schema import read as read_schema
from sopsguard.structure.shadow import Shadow, of_file, of_opened

GUIDE = "guide"
# A text of at most so many bytes in the place of a key or a password is one that somebody still has to write.
LONGEST_PLACEHOLDER = 16


@dataclass(frozen=True, slots=True)
class Judged:
    """What the schema of a file says of its documents."""

    schema: str
    verdicts: tuple[Verdict, ...]

    @property
    def open(self) -> int:
        """How many places need a key to be decided."""
        return sum(len(verdict.places) for verdict in self.verdicts)


def rule_of(fault: Fault) -> str:
    """The rule that answers for a fault."""
    if fault.length is None or fault.keyword not in ("format", "minLength", "maxLength"):
        return "schema-violation"
    if fault.keyword != "maxLength" and fault.length <= LONGEST_PLACEHOLDER:
        return "placeholder-value"
    return "impossible-length"


class Structure:
    """What is known of the structure of the files under judgement; nothing is computed that nobody asks for.

    `schema_of` names the schema of a path (a path in the repository, `guide`, or None), `read` gives the
    content of a schema file, None where there is none.
    """

    def __init__(
        self,
        files: Mapping[str, SopsFile | Broken],
        opened: Mapping[str, Opened | Refused],
        schema_of: Callable[[str], str | None],
        read: Callable[[str], bytes | None],
    ) -> None:
        self._files = files
        self._opened = opened
        self._schema_of = schema_of
        self._read = read
        self._documents: dict[str, tuple[Shadow, ...]] = {}

    @cached_property
    def documents(self) -> Mapping[str, tuple[Shadow, ...]]:
        """Every readable SOPS file as a document: in clear where it was opened."""
        return {p: self._document(p, file) for p, file in self._files.items() if isinstance(file, SopsFile)}

    def _document(self, path: str, file: SopsFile) -> tuple[Shadow, ...]:
        if path not in self._documents:
            opened = self._opened.get(path)
            self._documents[path] = of_opened(opened) if isinstance(opened, Opened) else of_file(file)
        return self._documents[path]

    @cached_property
    def _telling(self) -> Mapping[str, tuple[Shadow, ...]]:
        """Those documents of which anything can be said."""
        return {
            path: self._document(path, file)
            for path, file in self._files.items()
            if isinstance(file, SopsFile)
            and (
                isinstance(self._opened.get(path), Opened)
                or self._schema_of(path) is not None
                or names.may_say(file)
            )
        }

    @cached_property
    def judged(self) -> Mapping[str, Judged]:
        """The verdicts on the files that have a schema. Raises `UserError` for a schema that is none."""
        budget = Budget()
        schemas: dict[str, Schema] = {}
        found = {}
        for path, documents in self._telling.items():
            name = self._schema_of(path)
            if name is None:
                continue
            if name not in schemas:
                schemas[name] = self.load(name)
            verdicts = tuple(judge(schemas[name], document, budget) for document in documents)
            found[path] = Judged(name, verdicts)
        return found

    def load(self, name: str) -> Schema:
        """A schema by its name. Raises `UserError`."""
        if name == GUIDE:
            from pkgutil import get_data

            data = get_data("sopsguard", "schemas/secrets.schema.json")
            assert data is not None
            return read_schema(data, "secrets.schema.json", checked=True)
        data = self._read(name)
        if data is None:
            raise UserError(
                f".sopsguard.yaml: the schema {printable(name)} is not in the repository",
                "commit it, or mend its path under `schemas`",
            )
        return read_schema(data, name)

    @cached_property
    def forbidden(self) -> Mapping[str, tuple[names.Forbidden, ...]]:
        """The secrets that belong into no file."""
        found = {p: tuple(f for d in docs for f in names.forbidden(d)) for p, docs in self._telling.items()}
        return {path: said for path, said in found.items() if said}

    @cached_property
    def faults(self) -> Mapping[str, tuple[Fault, ...]]:
        """What is certainly wrong in each file, each fault once: by its schema, or else by its names."""
        found = {}
        for path, documents in self._telling.items():
            if (judged := self.judged.get(path)) is not None:
                said = [fault for verdict in judged.verdicts for fault in verdict.faults]
            else:
                said = [fault for document in documents for fault in names.impossible(document)]
            secret = {f.place.path for f in self.forbidden.get(path, ())}
            if kept := tuple(f for f in said if f.place.path not in secret):
                found[path] = kept
        return found

    @property
    def opened(self) -> frozenset[str]:
        """The files that a key opened."""
        return frozenset(path for path, opened in self._opened.items() if isinstance(opened, Opened))

    @cached_property
    def hosts(self) -> Mapping[str, tuple[Entry, ...]]:
        """The subtrees of hosts in each file that has any."""
        found = {path: tuple(e for d in docs for e in entries(d)) for path, docs in self._telling.items()}
        return {path: there for path, there in found.items() if there}

    @cached_property
    def open(self) -> int:
        """How many places of all files need a key to be decided."""
        return sum(judged.open for judged in self.judged.values())
