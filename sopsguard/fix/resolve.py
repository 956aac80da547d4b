"""From the intents of findings to a draft: which bytes of which files repair them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import assert_never

from sopsguard.fix import configuration
from sopsguard.fix.plan import Draft, Weight
from sopsguard.fix.program import or_by_program, shown
from sopsguard.inventory import Inventory
from sopsguard.model import (
    AddRule,
    Drop,
    DropRecipient,
    DropRule,
    Encrypt,
    Generate,
    Ignore,
    Intent,
    Mend,
    Pair,
    ReKey,
    Renew,
    ReScope,
    Rotate,
    UserError,
)
from sopsguard.sops import editor
from sopsguard.sops.editor import CannotEdit
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import Key
from sopsguard.sops.rules import Rule

# Configurations first, because files follow them; then what must be whole before its readers can change.
_ORDER = (
    *(DropRule, DropRecipient, AddRule, Ignore, Encrypt, Mend, Drop, Pair, Renew, Generate, ReScope),
    *(ReKey, Rotate),
)


def resolve(draft: Draft, intents: Iterable[Intent], identities: Identities, inventory: Inventory) -> None:
    """Carry the intents out on the draft, each once, in the order in which they build on one another."""
    wanted = list(dict.fromkeys(intents))
    # Rules are taken out from the last to the first, so that the numbers of the others stay right.
    wanted.sort(key=lambda i: (_ORDER.index(type(i)), -i.rule if isinstance(i, DropRule) else 0))
    work = _Work(draft, identities, inventory)
    for intent in wanted:
        work.carry_out(intent)


class _Work:
    def __init__(self, draft: Draft, identities: Identities, inventory: Inventory) -> None:
        self.draft, self.identities, self.inventory = draft, identities, inventory
        self.rotated: set[str] = set()

    def carry_out(self, intent: Intent) -> None:
        match intent:
            case DropRule(config, rule):
                self.configure(
                    config, f"remove rule {rule + 1} from {config}", configuration.remove_rule, rule
                )
            case DropRecipient(config, recipient):
                what = f"remove {self.name(recipient)} from {config}"
                self.configure(config, what, configuration.remove_recipient, recipient)
                self.rekey_without(config, recipient)
            case AddRule(path):
                self.add_rule(path)
            case Ignore(path):
                self.ignore(path)
            case Encrypt(path):
                self.encrypt(path)
            case Mend(path):
                self.mend(path)
            case ReScope(path):
                self.rescope(path)
            case ReKey(path):
                self.rekey(path)
            case Rotate(path):
                self.rotate(path)
            case Drop() | Renew() | Pair() | Generate():
                from sopsguard.fix import values

                values.resolve(self.draft, intent, self.identities)
            case _:
                assert_never(intent)

    # --- configuration ---------------------------------------------------------------------------------

    def configure(self, config: str, what: str, change: Callable[..., bytes], *arguments: object) -> None:
        data = self.draft.read(config)
        if data is None:
            self.draft.refuse(what, f"{config} cannot be read")
            return
        try:
            new = change(data, *arguments)
        except UserError as e:
            self.draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
            return
        if new != data:
            self.draft.write(config, new)
            self.draft.did(what, config)

    def add_rule(self, path: str) -> None:
        """A rule for one file that names those who read it now: it changes nobody's access."""
        import re

        file = self.draft.managed.files.get(path)
        verdict = self.draft.managed.rule(path)
        what = f"write a creation rule for {path}"
        if not isinstance(file, SopsFile) or verdict.match is None:
            self.draft.refuse(what, "there is no .sops.yaml above it, or it cannot be read as a SOPS file")
            return
        config = verdict.match.config
        keys = {r.key.identity: r.key for r in file.metadata.recipients}
        anchors = {a.key.normal: a.name for a in config.anchors if a.key is not None}
        members = [configuration.Member(k.text, anchors.get(k.normal)) for k in keys.values()]
        regex = "^" + re.sub(r"([.^$*+?{}\\[\]|()])", r"\\\1", config.relative(path) or path) + "$"
        scope = file.metadata.explicit_scope
        self.configure(config.path, what, configuration.add_rule, regex, members, scope)

    # --- files -----------------------------------------------------------------------------------------

    def ignore(self, path: str) -> None:
        old = self.draft.read(".gitignore") or b""
        line = _ignored(path)
        if line.encode() in old.splitlines():
            return
        head = old if not old or old.endswith(b"\n") else old + b"\n"
        self.draft.write(".gitignore", head + line.encode("utf-8", "surrogateescape") + b"\n")
        self.draft.did(f"keep {path} out of git", ".gitignore")
        self.draft.ask(
            f"take {path} out of the index; the file stays on disk", f"git rm --cached -- {_quoted(path)}"
        )

    def encrypt(self, path: str) -> None:
        what = f"encrypt {path}"
        data, rule = self.draft.read(path), self.rule(path, what)
        if data is None or rule is None:
            return
        when = self.draft.modified
        if self.edit(
            path, what, lambda: editor.seal(data, path, rule.groups, when, rule.scope, rule.shamir_threshold)
        ):
            self.draft.did(f"{what} for {self.listed(rule.keys)}", path)
            self.draft.ask(
                f"{path} stood in clear: if it was ever committed, git keeps it, so replace what it holds",
            )

    def mend(self, path: str) -> None:
        data = self.draft.read(path)
        what = f"write a MAC for {path} as it stands, and encrypt what a hand put there in clear"
        if data is not None and self.edit(
            path, what, lambda: editor.mend(data, path, self.identities, self.draft.modified)
        ):
            self.draft.did(what, path, weight=Weight.SECRETS)

    def rescope(self, path: str) -> None:
        what = f"encrypt of {path} what its rule says"
        data, rule = self.draft.read(path), self.rule(path, what)
        if data is None or rule is None:
            return
        when = self.draft.modified
        if self.edit(path, what, lambda: editor.rescope(data, path, rule.scope, self.identities, when)):
            self.draft.did(what, path)

    def rekey(self, path: str) -> None:
        """As `updatekeys` does; where somebody is taken out, with a new data key too."""
        what = f"wrap the data key of {path} for those whom its rule names"
        data, rule = self.draft.read(path), self.rule(path, what)
        file = self.draft.managed.files.get(path)
        if data is None or rule is None or not isinstance(file, SopsFile):
            return
        reader = self.inventory.reader
        have = {reader(r.key): r.key for r in file.metadata.recipients}
        want = {reader(key): key for key in rule.keys}
        added, removed = want.keys() - have.keys(), have.keys() - want.keys()
        when = self.draft.modified
        if removed:
            done = self.edit(
                path,
                what,
                lambda: editor.rotate(data, path, self.identities, when, rule.groups),
                rule.groups,
            )
        else:
            change = partial(editor.update_keys, data, path, rule.groups, self.identities)
            done = self.edit(path, what, change, rule.groups)
        if not done:
            return
        if removed:
            self.rotated.add(path)
            gone = self.listed([have[who] for who in sorted(removed)])
            self.draft.did(f"remove {gone} from {path}, with a new data key", path)
            self.draft.ask(f"new values for {path}: {gone} could read them, and git keeps the old versions")
        if added:
            new = self.listed([want[who] for who in sorted(added)])
            self.draft.did(f"let {new} read {path}", path, weight=Weight.ACCESS)
        if not added and not removed:
            self.draft.did(what, path)

    def rekey_without(self, config: str, recipient: str) -> None:
        """The files of a configuration that a recipient still opens, which none of its rules names now."""
        reader = self.inventory.reader
        for path, file in list(self.draft.managed.files.items()):
            match = self.draft.managed.rule(path).match
            if not isinstance(file, SopsFile) or match is None or match.config.path != config:
                continue
            if reader(recipient) in {reader(r.key) for r in file.metadata.recipients}:
                self.rekey(path)

    def rotate(self, path: str) -> None:
        if path in self.rotated:
            return
        data = self.draft.read(path)
        what = f"give {path} a data key of its own"
        when = self.draft.modified
        if data is not None and self.edit(
            path, what, lambda: editor.rotate(data, path, self.identities, when)
        ):
            self.rotated.add(path)
            self.draft.did(what, path)

    # --- help ------------------------------------------------------------------------------------------

    def rule(self, path: str, what: str) -> Rule | None:
        """The creation rule of a file; refused where there is none that sops could use."""
        match = self.draft.managed.rule(path).match
        rule = match.rule if match is not None else None
        if rule is None or not rule.keys or rule.refusal is not None:
            reason = (
                rule.refusal
                if rule is not None and rule.refusal
                else "no creation rule names recipients for it"
            )
            self.draft.refuse(what, reason)
            return None
        return rule

    def edit(
        self,
        path: str,
        what: str,
        change: Callable[[], bytes],
        groups: Sequence[Sequence[Key]] | None = None,
    ) -> bool:
        """Write what the editor makes; say what it refuses, and which program could do it."""
        try:
            new = or_by_program(self.draft, path, change, self.identities, groups=groups)
        except CannotEdit as e:
            self.draft.refuse(what, e.message, map(shown, e.commands))
            return False
        if new == self.draft.read(path):
            return False
        self.draft.write(path, new)
        return True

    def name(self, recipient: "Key | str") -> str:
        """A recipient as people call it."""
        from sopsguard.sops.masterkey import abbreviated

        text = recipient if isinstance(recipient, str) else recipient.text
        names = list(dict.fromkeys(h.name for h in self.inventory.holders(recipient)))
        return f"{names[0]} ({abbreviated(text.strip())})" if names else abbreviated(text.strip())

    def listed(self, keys: Iterable[Key]) -> str:
        """Several in one phrase."""
        return ", ".join(dict.fromkeys(map(self.name, keys)))


def _ignored(path: str) -> str:
    """The line of a `.gitignore` at the top that means exactly this path."""
    special = "".join("\\" + c if c in "\\*?[#! " else c for c in path)
    return "/" + special


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
