"""Who may sign, at one revision: the rules with the certificates that they name, and the convention "
"without."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sopsguard.keys.ssh import PublicKey
from sopsguard.signatures.certificate import Certificate, read
from sopsguard.signatures.paths import Protection
from sopsguard.signatures.reason import Refused
from sopsguard.signatures.rules import OpenPGPKey, Retired, Rules, Signer, SSHKey

# Where the guide keeps public keys.
KEYS = "keys/*.asc"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose key it is: a signer's, a retired one, or (neither) the forge's."""

    key: OpenPGPKey | SSHKey
    signer: Signer | None = None
    retired: Retired | None = None

    @property
    def is_forge(self) -> bool:
        """Whether it is the key of a forge."""
        return self.signer is None and self.retired is None


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """A key file that holds no certificate that could be used: which key, where, and why."""

    fingerprint: str
    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may sign, as one revision says it. `by_convention`: there is no policy, only public keys."""

    rules: Rules
    certificates: tuple[tuple[Holder, Certificate], ...]
    problems: tuple[KeyProblem, ...]
    protection: Protection
    by_convention: bool = False
    _ssh: Mapping[bytes, Holder] = field(default_factory=dict, repr=False)

    def ssh(self, key: PublicKey) -> Holder | None:
        """Whose SSH key it is."""
        return self._ssh.get(key.wire)

    def knows(self, issuers: frozenset[str]) -> bool:
        """Whether any certificate has a key that goes by one of these names."""
        return any(certificate.knows(issuers) for _, certificate in self.certificates)


def authority(
    rules: Rules,
    files: Mapping[str, bytes],
    fresh: Mapping[str, bytes] | None = None,
    *,
    by_convention: bool = False,
) -> Authority:
    """The authority of a revision whose key files are `files`, by path.

    `fresh` are key files of the change under judgement. What the owner of a pinned key has signed there
    (a longer life, a new subkey, a revocation) is taken over, unless the policy pins subkeys; nobody else
    can add anything.
    """
    certificates: list[tuple[Holder, Certificate]] = []
    problems: list[KeyProblem] = []
    ssh: dict[bytes, Holder] = {}
    for holder in _holders(rules):
        key = holder.key
        if isinstance(key, SSHKey):
            ssh[key.key.wire] = holder
            continue
        if not key.file:
            continue
        found = _certificate(key, files, fresh or {})
        if isinstance(found, Certificate):
            certificates.append((holder, found))
        else:
            problems.append(found)
    return Authority(
        rules,
        tuple(certificates),
        tuple(problems),
        Protection(rules.protect, rules.files),
        by_convention,
        ssh,
    )


def convention(files: Mapping[str, bytes], fresh: Mapping[str, bytes] | None = None) -> Authority:
    """The authority of a repository without a policy: whoever's public key lies in `keys/*.asc`.

    Everybody may change everything; addresses are not compared.
    """
    signers: list[Signer] = []
    problems: list[KeyProblem] = []
    for path, data in sorted(files.items()):
        try:
            fingerprint = read(data).fingerprint
        except Refused as e:
            problems.append(KeyProblem("", path, e.detail))
            continue
        key = OpenPGPKey(fingerprint, path)
        name = path.rpartition("/")[2].removesuffix(".asc").removesuffix("-public")
        if all(fingerprint != other.openpgp[0].fingerprint for other in signers):
            signers.append(Signer(name, frozenset({"commit", "admin"}), frozenset(), (key,)))
    rules = Rules(tuple(signers), protect=("secrets/**", KEYS), identity="off")
    made = authority(rules, files, fresh, by_convention=True)
    return Authority(rules, made.certificates, (*made.problems, *problems), made.protection, True, {})


def _holders(rules: Rules) -> Iterable[Holder]:
    for signer in rules.signers:
        keys: Sequence[OpenPGPKey | SSHKey] = (*signer.openpgp, *signer.ssh)
        yield from (Holder(key, signer) for key in keys)
    yield from (Holder(one.key, None, one) for one in rules.retired)
    yield from (Holder(key) for key in rules.forge)


def _certificate(
    key: OpenPGPKey, files: Mapping[str, bytes], fresh: Mapping[str, bytes]
) -> Certificate | KeyProblem:
    data = files.get(key.file)
    if data is None:
        return KeyProblem(key.fingerprint, key.file, "there is no such file")
    # Wherever in the change the new form lies: only its own signatures count.
    more = [other for other in fresh.values() if other != data] if key.subkeys is None else []
    try:
        found = read(data, *more)
    except Refused as e:
        return KeyProblem(key.fingerprint, key.file, e.detail)
    if found.fingerprint != key.fingerprint:
        return KeyProblem(key.fingerprint, key.file, f"it holds another key, {found.fingerprint}")
    return found
