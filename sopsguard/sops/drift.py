"""How a file differs from its rule, compared exactly as `sops updatekeys` compares (sops 3.13.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sopsguard.sops.masterkey import Key
from sopsguard.sops.rules import SELECTION_FIELDS, Rule, Scope


@dataclass(frozen=True, slots=True)
class GroupDrift:
    """What `updatekeys` would do to one group: identities it adds and removes; `undecided` are Azure keys
    without a version, whose newest version only the vault knows."""

    index: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """How a file differs from its rule.

    `groups` has only those groups that differ. `threshold` is (in the file, after `updatekeys`) if that
    would change it; `threshold_by_rule` (in the file, in the rule) and `scope` (field → (file, rule)) are
    what no sops command repairs short of decrypting and encrypting again.
    """

    groups: tuple[GroupDrift, ...] = ()
    threshold: tuple[int, int] | None = None
    threshold_by_rule: tuple[int, int] | None = None
    scope: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Identities that the rule names and the file lacks, over all groups."""
        return tuple(identity for group in self.groups for identity in group.added)

    @property
    def extra(self) -> tuple[str, ...]:
        """Identities that can open the file and are not in the rule, over all groups."""
        return tuple(identity for group in self.groups for identity in group.removed)

    @property
    def updatekeys_changes(self) -> bool:
        """Whether `sops updatekeys` would write the file anew."""
        return bool(self.missing or self.extra or self.threshold)


def drift(
    file_groups: Sequence[Iterable[str]],
    rule: Rule,
    *,
    threshold: int = 0,
    scope: Scope | None = None,
    binary: bool = False,
) -> Drift:
    """Compare a file with its rule exactly as `sops updatekeys` does.

    `file_groups` are the identities (`Key.identity`; `masterkey.metadata_key`) of each of the file's
    groups, `threshold` and `scope` what its metadata say. Groups are compared by position, order and
    repetitions inside do not count, and an SSH key with another comment is another key. `binary`
    files are always encrypted whole, whatever the rule says (sops ≥ 3.11).
    """
    have = [tuple(dict.fromkeys(group)) for group in file_groups]
    groups = []
    for index in range(max(len(have), len(rule.groups))):
        ours = have[index] if index < len(have) else ()
        theirs = rule.groups[index] if index < len(rule.groups) else ()
        difference = _group_drift(index, ours, theirs)
        if difference.added or difference.removed or difference.undecided:
            groups.append(difference)
    after = min(threshold, len(rule.groups))
    in_file = 1 if len(have) < 2 else threshold or len(have)
    several = len(have) > 1 and len(rule.groups) > 1
    return Drift(
        tuple(groups),
        (threshold, after) if after != threshold else None,
        (in_file, rule.threshold) if several and in_file != rule.threshold else None,
        _scope_drift(scope, rule.scope) if scope is not None and not binary else {},
    )


def _group_drift(index: int, ours: Iterable[str], theirs: Iterable[Key]) -> GroupDrift:
    wanted = dict.fromkeys(key.identity for key in theirs if not key.open_version)
    removed = [identity for identity in ours if identity not in wanted]
    added = [identity for identity in wanted if identity not in ours]
    undecided: list[str] = []
    for key in theirs:
        if not key.open_version:
            continue
        versions = [identity for identity in removed if identity.startswith(key.identity)]
        removed = [identity for identity in removed if identity not in versions]
        (undecided if versions else added).append(key.identity)
    return GroupDrift(index, tuple(added), tuple(removed), tuple(undecided))


def _scope_drift(have: Scope, want: Scope) -> dict[str, tuple[str, str]]:
    ours, theirs = have.effective(), want.effective()
    different = {
        name: (ours.get(name, ""), theirs.get(name, ""))
        for name in SELECTION_FIELDS
        if ours.get(name, "") != theirs.get(name, "")
    }
    if have.mac_only_encrypted != want.mac_only_encrypted:
        different["mac_only_encrypted"] = (
            str(have.mac_only_encrypted).lower(),
            str(want.mac_only_encrypted).lower(),
        )
    return different
