"""The section `signatures` of `.sopsguard.yaml`: who may sign what, and from when on.

Read as strictly as the rest of the policy. Everything that names a key names it whole: a key id, a user id
or an address is no identity.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sopsguard.keys import Problem
from sopsguard.keys.ssh import PublicKey, public_key
from sopsguard.model import UserError
from sopsguard.signatures.reason import Refused
from sopsguard.signatures.ssh import check_strength
from sopsguard.strict import Node, flag, listed, mapping, mistake, named, nearest

Role = Literal["commit", "admin"]
Need = Literal["touch", "verify"]
Binding = Literal["off", "committer-email", "committer-and-author"]
Scope = Literal["protected", "all"]

# Web-flow, the key with which GitHub signs what is made in a browser; the first one has expired.
WEB_FLOW = ("968479A1AFF927E37D1A566BB5690EEEBB952194", "5DE3E0509C47EA3CF04A42D34AEE18F83AFDEB23")

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_EMAIL = re.compile(r"[^\s<>]+")
_MOST_DAYS, _MOST_SECONDS = 3650, 7 * 86400


@dataclass(frozen=True, slots=True)
class OpenPGPKey:
    """A certificate by the fingerprint of its primary key, and the file that holds it. `subkeys`, when
    given, are the only keys of it that count."""

    fingerprint: str
    file: str
    subkeys: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SSHKey:
    """An SSH key, whole, and what a security key has to prove with each signature."""

    key: PublicKey
    require: frozenset[Need] = frozenset()


@dataclass(frozen=True, slots=True)
class Signer:
    """A person and their keys. `emails` are the addresses under which they commit."""

    name: str
    roles: frozenset[Role]
    emails: frozenset[str]
    openpgp: tuple[OpenPGPKey, ...] = ()
    ssh: tuple[SSHKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Retired:
    """A key that counts only for `last_commit` and what that builds on; it never has the role admin."""

    key: OpenPGPKey | SSHKey
    last_commit: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy says of signatures. Times are in seconds.

    `forge` may sign merges that change nothing protected by themselves, where `scope` is `all`.
    """

    signers: tuple[Signer, ...]
    baseline: str | None = None
    protect: tuple[str, ...] = ()
    protect_content: bool = True
    retired: tuple[Retired, ...] = ()
    forge_merges: Literal["pure", "deny"] = "pure"
    forge: tuple[OpenPGPKey, ...] = ()
    identity: Binding = "committer-email"
    grace: int = 30 * 86400
    skew: int = 600
    formats: frozenset[str] = frozenset({"openpgp", "ssh"})
    scope: Scope = "protected"
    accepted: frozenset[str] = field(default=frozenset())

    @property
    def files(self) -> tuple[str, ...]:
        """Every key file that it names."""
        keys = [key for signer in self.signers for key in signer.openpgp]
        keys += [one.key for one in self.retired if isinstance(one.key, OpenPGPKey)]
        return tuple(dict.fromkeys(key.file for key in (*keys, *self.forge) if key.file))


_SETTINGS = (
    "baseline", "protect", "protect_content", "signers", "retired", "forge_merges", "forge", "identity",
    "expired_key_grace_days", "max_clock_skew_seconds", "formats", "scope", "accept_commits",
)  # fmt: skip


def read(node: Node) -> Rules:
    """The rules in the section. Raises `UserError` with the line of the first mistake."""
    fields = named(node, _SETTINGS, "a setting of signatures")
    if "signers" not in fields:
        raise mistake(node, "signatures need signers", "list the people by name, each with a key")
    signers = tuple(_signer(name, key, value) for name, (key, value) in mapping(fields["signers"]).items())
    retired = tuple(_retired(item) for item in listed(fields.get("retired", _NOTHING), "retired"))
    forge = tuple(_openpgp(item) for item in _one_or_more(fields.get("forge", _NOTHING)))
    _check_distinct(node, signers, retired, forge)
    if not signers:
        raise mistake(fields["signers"], "there is no signer", "list at least one, with the role admin")
    if not any("admin" in signer.roles for signer in signers):
        raise mistake(
            fields["signers"],
            "no signer has the role admin",
            "then nobody could ever change the policy; give one `roles: [commit, admin]`",
        )
    identity = _identity(fields)
    for name, (key, _) in mapping(fields["signers"]).items():
        if identity != "off" and not next(s for s in signers if s.name == name).emails:
            raise mistake(
                key, f"{name} has no address to compare committers with", "emails: […], or identity: off"
            )
    days = _number(fields, "expired_key_grace_days", 30, _MOST_DAYS)
    return Rules(
        signers=signers,
        baseline=_commit(fields["baseline"]) if "baseline" in fields else None,
        protect=tuple(_glob(item) for item in listed(fields.get("protect", _NOTHING), "protect")),
        protect_content=_content(fields.get("protect_content")),
        retired=retired,
        forge_merges="deny" if _choice(fields, "forge_merges", ("pure", "deny")) == "deny" else "pure",
        forge=forge,
        identity=identity,
        grace=days * 86400,
        skew=_number(fields, "max_clock_skew_seconds", 600, _MOST_SECONDS),
        formats=_formats(fields.get("formats")),
        scope="all" if _choice(fields, "scope", ("protected", "all")) == "all" else "protected",
        accepted=frozenset(
            _commit(item) for item in listed(fields.get("accept_commits", _NOTHING), "accept_commits")
        ),
    )


_NOTHING = Node(None, 0)


def _signer(name: str, key: Node, node: Node) -> Signer:
    fields = named(node, ("roles", "emails", "openpgp", "ssh"), "a field of a signer")
    roles: set[Role] = set()
    for item in listed(fields.get("roles", Node((Node("commit", 0),), 0)), "roles"):
        if item.value == "admin":
            roles |= {"admin", "commit"}
        elif item.value == "commit":
            roles.add("commit")
        else:
            raise mistake(item, f"{item.value!r} is not a role", "commit, or admin, which includes it")
    emails = [_text(item, "an address", _EMAIL) for item in listed(fields.get("emails", _NOTHING), "emails")]
    openpgp = tuple(_openpgp(item) for item in _one_or_more(fields.get("openpgp", _NOTHING)))
    ssh = tuple(_ssh(item) for item in _one_or_more(fields.get("ssh", _NOTHING)))
    if not openpgp and not ssh:
        raise mistake(key, f"{name} has no key", "openpgp: {fingerprint: …, file: …}, or ssh: [{key: …}]")
    if not roles:
        raise mistake(key, f"{name} has no role", "roles: [commit], or [commit, admin]")
    return Signer(name, frozenset(roles), frozenset(emails), openpgp, ssh)


def _openpgp(node: Node) -> OpenPGPKey:
    fields = named(node, ("fingerprint", "file", "subkeys"), "a field of an OpenPGP key")
    if "fingerprint" not in fields or "file" not in fields:
        raise mistake(node, "an OpenPGP key needs fingerprint and file", "the file holds the public key")
    subkeys = fields.get("subkeys")
    if subkeys is None or subkeys.value == "any":
        only = None
    else:
        only = frozenset(_fingerprint(item) for item in listed(subkeys, "subkeys"))
        if not only:
            raise mistake(subkeys, "no subkey counts", "list fingerprints, or write any")
    return OpenPGPKey(_fingerprint(fields["fingerprint"]), _file(fields["file"]), only)


def _ssh(node: Node) -> SSHKey:
    if isinstance(node.value, str):
        return SSHKey(_line(node))
    fields = named(node, ("key", "require"), "a field of an SSH key")
    if "key" not in fields:
        raise mistake(node, "an SSH key needs key", "the line of the .pub file")
    key = _line(fields["key"])
    needs: set[Need] = set()
    for item in listed(fields.get("require", _NOTHING), "require"):
        if item.value not in ("touch", "verify"):
            raise mistake(
                item, f"{item.value!r} is nothing a key can prove", "touch, or verify (PIN, fingerprint)"
            )
        if not key.kind.startswith("sk-"):
            raise mistake(item, "only a security key can prove that", "ssh-keygen -t ed25519-sk makes one")
        needs.add(item.value)
    return SSHKey(key, frozenset(needs))


def _line(node: Node) -> PublicKey:
    found = public_key(node.value) if isinstance(node.value, str) else None
    if found is None or isinstance(found, Problem) or found.options:
        raise mistake(node, "not an SSH public key", "the line of the .pub file, without options before it")
    try:
        check_strength(found)
    except Refused as e:
        raise mistake(node, e.detail, "Ed25519, ECDSA or RSA of at least 2048 bits, no certificate") from None
    return found


def _retired(node: Node) -> Retired:
    fields = named(node, ("openpgp", "ssh", "file", "last_commit"), "a field of a retired key")
    if "last_commit" not in fields or ("openpgp" in fields) == ("ssh" in fields):
        raise mistake(node, "a retired key needs last_commit and either openpgp or ssh", "")
    last = _commit(fields["last_commit"])
    if "ssh" in fields:
        if "file" in fields:
            raise mistake(fields["file"], "an SSH key needs no file", "the key itself stands under ssh")
        return Retired(_ssh(fields["ssh"]), last)
    fingerprint = _fingerprint(fields["openpgp"])
    # Without the file nothing can be verified with it any more; it is only told by its name.
    return Retired(OpenPGPKey(fingerprint, _file(fields["file"]) if "file" in fields else ""), last)


def _check_distinct(
    node: Node, signers: Sequence[Signer], retired: Sequence[Retired], forge: Sequence[OpenPGPKey]
) -> None:
    owners: dict[str, str] = {}
    claims: list[tuple[str, OpenPGPKey | SSHKey]] = []
    for signer in signers:
        claims += [(signer.name, key) for key in signer.openpgp]
        claims += [(signer.name, key) for key in signer.ssh]
    claims += [("retired", one.key) for one in retired] + [("the forge", key) for key in forge]
    for owner, key in claims:
        identity = key.fingerprint if isinstance(key, OpenPGPKey) else key.key.line
        if identity in owners:
            raise mistake(
                node,
                f"one key of {owners[identity]} and of {owner}",
                "a key has one owner, and is retired or not",
            )
        owners[identity] = owner


def _one_or_more(node: Node) -> tuple[Node, ...]:
    if node.value is None:
        return ()
    return node.value if isinstance(node.value, tuple) else (node,)


def _text(node: Node, what: str, form: re.Pattern[str]) -> str:
    if not isinstance(node.value, str) or not form.fullmatch(node.value):
        raise mistake(node, f"not {what}", "")
    return node.value


def _fingerprint(node: Node) -> str:
    text = node.value.replace(" ", "").upper() if isinstance(node.value, str) else ""
    if not _FINGERPRINT.fullmatch(text):
        raise mistake(node, "not a whole fingerprint", "40 or 64 hexadecimal digits; a key id can be forged")
    return text


def _commit(node: Node) -> str:
    if not isinstance(node.value, str) or not _ID.fullmatch(node.value):
        raise mistake(node, "not a whole commit id", "git rev-parse prints it: 40 or 64 hexadecimal digits")
    return node.value


def _file(node: Node) -> str:
    path = node.value if isinstance(node.value, str) else ""
    if not path or path.startswith("/") or "\\" in path or {"", ".", ".."} & set(path.split("/")):
        raise mistake(node, "not a path inside the repository", "such as keys/alice-public.asc")
    return path


def _glob(node: Node) -> str:
    if not isinstance(node.value, str) or not node.value.strip() or node.value.startswith(("/", "!")):
        raise mistake(
            node, "not a pattern of paths", "such as secrets/**; nothing can be taken out of protection"
        )
    return node.value


def _content(node: Node | None) -> bool:
    if node is None or node.value == "sops":
        return True
    if node.value == "none" or (isinstance(node.value, bool) and not flag(node, "protect_content")):
        return False
    raise mistake(node, "protect_content is sops or none", "sops: every SOPS file, wherever it lies")


def _number(fields: dict[str, Node], name: str, default: int, most: int) -> int:
    if name not in fields:
        return default
    text = fields[name].value
    if not isinstance(text, str) or not re.fullmatch(r"0|[1-9][0-9]{0,8}", text) or int(text) > most:
        raise mistake(fields[name], f"{name} must be a number from 0 to {most}", "")
    return int(text)


def _choice(fields: dict[str, Node], name: str, known: Sequence[str]) -> str:
    if name not in fields:
        return known[0]
    value = fields[name].value
    if value not in known:
        raise mistake(fields[name], f"{name} is one of {', '.join(known)}", nearest(str(value), known))
    return str(value)


def _identity(fields: dict[str, Node]) -> Binding:
    if "identity" in fields and fields["identity"].value is False:
        return "off"  # YAML 1.1 and editors write it so
    match _choice(fields, "identity", ("committer-email", "off", "committer-and-author")):
        case "off":
            return "off"
        case "committer-and-author":
            return "committer-and-author"
        case _:
            return "committer-email"


def _formats(node: Node | None) -> frozenset[str]:
    if node is None:
        return frozenset({"openpgp", "ssh"})
    found = set()
    for item in listed(node, "formats"):
        if item.value not in ("openpgp", "ssh"):
            raise mistake(item, f"{item.value!r} is not a format that can be verified here", "openpgp, ssh")
        found.add(item.value)
    if not found:
        raise mistake(node, "no format is accepted", "formats: [openpgp, ssh]")
    return frozenset(found)


def check_baseline(rules: Rules, ancestor: bool) -> None:
    """Raises `UserError` unless the baseline is part of the history that is trusted."""
    if rules.baseline is not None and not ancestor:
        raise UserError(
            f"the baseline {rules.baseline[:12]} is no ancestor of the trusted revision",
            "set `signatures: baseline:` to a commit of the base branch",
        )
