"""A first policy of signatures: who signs here by the keys in the tree, the inventory and the history."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sopsguard.fix.entries import with_entry
from sopsguard.fix.plan import Draft
from sopsguard.git import Repository
from sopsguard.inventory import Inventory
from sopsguard.keys import Problem, openpgp
from sopsguard.keys.ssh import public_key
from sopsguard.model import UserError, printable
from sopsguard.policy import FILE
from sopsguard.signatures import commit
from sopsguard.signatures.authority import KEYS, authority, convention
from sopsguard.signatures.certificate import read as certificate
from sopsguard.signatures.reason import Refused
from sopsguard.signatures.rules import WEB_FLOW, OpenPGPKey, Rules, Signer, SSHKey
from sopsguard.signed import Trusted, judged, section

# So many of the last commits tell who signs, and under which address.
LAST = 500

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # what YAML takes for something else
_EMAIL = re.compile(r"[^\s<>\"\\]+@[^\s<>\"\\]+")
_IN_USER_ID = re.compile(r"<([^<>]+)>\s*$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who might sign, with the words of why. `signed` counts good signatures in the history."""

    name: str
    why: str
    openpgp: tuple[OpenPGPKey, ...] = ()
    ssh: tuple[SSHKey, ...] = ()
    emails: tuple[str, ...] = ()
    roles: frozenset[str] = field(default_factory=frozenset)
    signed: int = 0


def propose(draft: Draft, inventory: Inventory, repo: Repository, now: int) -> None:
    """Plan the section `signatures` with the last commit as its baseline. Nothing is planned where it stands
    already. `now` is in seconds since 1970."""
    head = repo.head
    if head is None:
        raise UserError("there is no commit yet", "commit what there is; the policy starts from there")
    policy = draft.read(FILE)
    if policy is not None and section(policy) is not None:
        draft.ask(
            f"{FILE} has a section `signatures` already; it is changed by hand, in a commit that one of its"
            " admins signs",
            "sopsguard audit",
        )
        return
    found = list(_candidates(draft, inventory))
    files = [key.file for one in found for key in one.openpgp]
    known = {path: data for path in files if (data := draft.read(path)) is not None}
    found = _with_history(found, known, repo, head, now)
    usable = []
    for one in found:
        if one.emails:
            usable.append(one)
        else:
            what = f"let {one.name} sign"
            draft.refuse(what, "no address under which they commit is known: set emails by hand")
    if not usable:
        draft.refuse(
            "write a policy",
            f"nobody's signing key is known: neither in {KEYS} nor in the inventory",
            ["gpg --export --armor FINGERPRINT > keys/NAME-public.asc"],
        )
        return
    usable, chosen = _with_admin(usable)
    before = (policy or b"version: 1\n").decode("utf-8")
    after = with_entry(before, ["signatures"], _lines(usable, head, _protected(draft)))
    section(after.encode())  # raises where we wrote nonsense
    draft.write(FILE, after.encode())
    for one in usable:
        role = "may sign, and change the policy as an admin" if "admin" in one.roles else "may sign"
        draft.did(f"{one.name} {role}: {one.why}", FILE)
    draft.did(f"what came before {head[:12]} stays unsigned: it is the baseline", FILE)
    if chosen:
        draft.ask(f"nothing says who is an admin; {chosen} is the one who signed most: put that right")
    draft.ask(
        "look at it, and commit it signed; it counts from the next change on",
        f"git add {FILE}",
        'git commit -S -m "Say who may sign"',
    )
    draft.ask(
        "let git sign by itself, and stop at a push what is not signed",
        "git config commit.gpgsign true",
        "sopsguard install-hooks",
    )


def _protected(draft: Draft) -> list[str]:
    folders = {path.partition("/")[0] for path in draft.snapshot.paths() if "/" in path}
    return [f"{name}/**" for name in ("secrets", "keys") if name in folders]


# --- who there is ----------------------------------------------------------------------------------------


def _candidates(draft: Draft, inventory: Inventory) -> Iterator[Candidate]:
    folder, _, pattern = KEYS.rpartition("/*")
    paths = [p for p in draft.snapshot.paths() if p.startswith(f"{folder}/") and p.endswith(pattern)]
    files = {p: data for p in paths if p.count("/") == 1 and (data := draft.read(p)) is not None}
    made = convention(files)
    for problem in made.problems:
        draft.refuse(f"use {problem.file}", problem.why)
    keys = {signer.openpgp[0].fingerprint: signer for signer in made.rules.signers}
    forge = set(WEB_FLOW) & set(keys)
    for fingerprint in forge:
        draft.ask(f"{keys.pop(fingerprint).openpgp[0].file} is the key of GitHub, which signs for everybody")
    taken: set[str] = set()
    for holder in (*inventory.people, *inventory.services, *inventory.hosts):
        pgp, ssh = [], []
        for key in holder.signing_keys:
            if key.kind == "ssh":
                line = public_key(key.key)
                if line is not None and not isinstance(line, Problem):
                    ssh.append(SSHKey(line))
                continue
            file = key.file or (keys[key.key].openpgp[0].file if key.key in keys else None)
            data = draft.read(file) if file is not None else None
            if file is None or data is None or not _holds(data, key.key):
                command = f"gpg --export --armor {key.key} > keys/{holder.name}-public.asc"
                draft.refuse(
                    f"use the key {key.key} of {holder.name}", "its public half is in no file", [command]
                )
                continue
            pgp.append(OpenPGPKey(key.key, file))
            keys.pop(key.key, None)
            files.setdefault(file, data)
        if pgp or ssh:
            taken.add(holder.name)
            emails = tuple(
                dict.fromkeys((*holder.emails, *(e for k in pgp for e in _addresses(files[k.file]))))
            )
            yield Candidate(
                holder.name, holder.signing_keys[0].said.reason, tuple(pgp), tuple(ssh), emails, holder.roles
            )
    for signer in keys.values():
        (mine,) = signer.openpgp
        name = signer.name if signer.name not in taken else f"{signer.name}-{mine.fingerprint[-8:]}"
        taken.add(name)
        emails = _addresses(files[mine.file])
        yield Candidate(name, f"the key lies in {mine.file}", signer.openpgp, (), emails)


def _holds(data: bytes, fingerprint: str) -> bool:
    try:
        return certificate(data).fingerprint == fingerprint
    except Refused:
        return False


def _addresses(data: bytes) -> tuple[str, ...]:
    """The addresses in the user ids of a certificate. Whoever has the file wrote them: a proposal."""
    found = openpgp.certificates(data)
    if found is None or isinstance(found, Problem):
        return ()
    matches = [_IN_USER_ID.search(text) for one in found for text in one.user_ids]
    return tuple(dict.fromkeys(m[1] for m in matches if m and _EMAIL.fullmatch(m[1])))


def _with_history(
    found: Sequence[Candidate], files: Mapping[str, bytes], repo: Repository, head: str, now: int
) -> list[Candidate]:
    """Each with the addresses under which good signatures of theirs were committed, and their number."""
    if not found:
        return []
    signers = tuple(
        Signer(str(number), frozenset({"commit", "admin"}), frozenset(), one.openpgp, one.ssh)
        for number, one in enumerate(found)
    )
    rules = Rules(signers, identity="off", scope="all")
    trust = Trusted(head, authority(rules, files))
    try:
        listed = repo.commits(None, head)
        base = [repo.resolve(f"{head}~{LAST}")] if len(listed) > LAST else []
        good = {v.oid: v.signer for v in judged(repo, trust, base, [head], now) if v.verified}
    except UserError:
        good = {}  # a history that cannot be read proposes nobody
    seen: dict[str, Counter[str]] = {}
    for oid, _, data in repo.objects(good):
        try:
            email = commit.parse(oid, data).committer.email.decode()
        except (Refused, UnicodeDecodeError):
            continue
        if _EMAIL.fullmatch(email):
            seen.setdefault(good[oid], Counter())[email] += 1
    result = []
    for number, one in enumerate(found):
        counted = seen.get(str(number), Counter())
        total = counted.total()
        why = f"{one.why}, {total} good signatures in the history" if total else one.why
        # What they really commit under comes first; a user id may name addresses that git never saw.
        emails = tuple(dict.fromkeys((*(e for e, _ in counted.most_common()), *one.emails)))
        result.append(replace(one, emails=emails, signed=total, why=why))
    return result


def _with_admin(found: Sequence[Candidate]) -> tuple[list[Candidate], str]:
    """All of them with at least one admin, and who was chosen where nothing says it."""
    if any("admin" in one.roles for one in found):
        return list(found), ""
    first = max(found, key=lambda one: one.signed)
    chosen = [replace(one, roles=one.roles | {"admin"}) if one is first else one for one in found]
    return chosen, first.name if len(found) > 1 else ""


# --- the text --------------------------------------------------------------------------------------------


def _lines(found: Sequence[Candidate], head: str, protected: Sequence[str]) -> list[str]:
    lines = [f"baseline: {head}"]
    if protected:
        lines.append(f"protect: [{', '.join(map(_text, protected))}]")
    lines.append("signers:")
    for one in found:
        roles = "[commit, admin]" if "admin" in one.roles else "[commit]"
        lines += [f"  {_key(one.name)}:", f"    roles: {roles}"]
        lines.append(f"    emails: [{', '.join(map(_text, one.emails))}]")
        if one.openpgp:
            lines.append("    openpgp:")
            lines += [f"      - {{fingerprint: {k.fingerprint}, file: {_text(k.file)}}}" for k in one.openpgp]
        if one.ssh:
            lines.append("    ssh:")
            lines += [f"      - {_text(k.key.line)}" for k in one.ssh]
    return lines


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else _text(name)


def _text(text: str) -> str:
    """Text in double quotes, as YAML and JSON both read it."""
    return json.dumps(printable(text), ensure_ascii=False)
