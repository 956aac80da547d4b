"""Why a commit passes or fails: one code for each verdict, and what each means to a person."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """The codes of a verdict; the words of each stand in `MEANING`."""

    OK = "ok"
    OK_FORGE_MERGE = "ok-forge-merge"
    NOT_NEEDED = "not-needed"
    PRE_BASELINE = "pre-baseline"
    ACCEPTED = "accepted"
    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    MULTIPLE_SIGNATURES = "multiple-signatures"
    UNSUPPORTED_FORMAT = "unsupported-format"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    NOT_AUTHORISED = "not-authorised"
    ROLE_MISSING = "role-missing"
    WRONG_USAGE = "wrong-usage"
    WEAK_HASH = "weak-hash"
    WEAK_KEY = "weak-key"
    WRONG_NAMESPACE = "wrong-namespace"
    TOUCH_MISSING = "touch-missing"
    VERIFY_MISSING = "verify-missing"
    KEY_EXPIRED_AT_SIGNING = "key-expired-at-signing"
    KEY_EXPIRED = "key-expired"
    KEY_REVOKED = "key-revoked"
    SIGNATURE_EXPIRED = "signature-expired"
    SIGNED_IN_FUTURE = "signed-in-future"
    TIME_SKEW = "time-skew"
    TIME_BACKWARDS = "time-backwards"
    IDENTITY_MISMATCH = "identity-mismatch"
    IMPURE_MERGE = "impure-merge"
    RETIRED_KEY = "retired-key"
    SHALLOW = "shallow"
    ENGINE_MISSING = "engine-missing"
    STALE_BASE = "stale-base"


PASSING = frozenset({
    Reason.OK, Reason.OK_FORGE_MERGE, Reason.NOT_NEEDED, Reason.PRE_BASELINE, Reason.ACCEPTED,
})  # fmt: skip
# What says nothing about the commit: exit 2, never "skipped".
UNDECIDED = frozenset({Reason.SHALLOW, Reason.ENGINE_MISSING, Reason.STALE_BASE})


class Refused(Exception):
    """A signature, commit or key that does not count, and why. `detail` never quotes content."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason.value, detail)
        self.reason = reason
        self.detail = detail


class Meaning(NamedTuple):
    """What a code means, as a sentence about the commit, and what the person at the keyboard can do."""

    says: str
    remedy: str


_AGAIN = (
    "`git commit --amend -S --no-edit` for the last commit, "
    "`git rebase --exec 'git commit --amend -S --no-edit' BASE` for older ones that are not published"
)
_HARDWARE = (
    "with a hardware token: plug it in, `gpg --card-status` must show it; if it does not, "
    '`gpgconf --kill scdaemon` and `gpg-connect-agent "scd serialno" "learn --force" /bye`'
)
_ADMIN = "ask someone with the role admin in .sopsguard.yaml to make, or to sign, this change"

MEANING = {
    Reason.OK: Meaning("signed by someone who was allowed to", ""),
    Reason.OK_FORGE_MERGE: Meaning("a merge made by the forge that changes nothing protected by itself", ""),
    Reason.NOT_NEEDED: Meaning("touches nothing that is protected", ""),
    Reason.PRE_BASELINE: Meaning("older than the baseline", ""),
    Reason.ACCEPTED: Meaning("accepted by its id in the policy", ""),
    Reason.UNSIGNED: Meaning("is not signed", f"sign it: {_AGAIN}; {_HARDWARE}"),
    Reason.MALFORMED: Meaning(
        "is not written as git writes commits and signatures, so that programs may read it differently",
        f"make the commit anew with git: {_AGAIN}",
    ),
    Reason.MULTIPLE_SIGNATURES: Meaning(
        "carries more than one signature; which one counts would depend on who looks",
        f"sign it once: {_AGAIN}",
    ),
    Reason.UNSUPPORTED_FORMAT: Meaning(
        "is signed in a format that the policy does not accept",
        f"`git config gpg.format openpgp` (or ssh), whichever `formats` names, then {_AGAIN}",
    ),
    Reason.BAD_SIGNATURE: Meaning(
        "carries a signature that does not belong to its content",
        f"find out who changed it after it was signed; if it was you: {_AGAIN}",
    ),
    Reason.UNKNOWN_KEY: Meaning(
        "is signed with a key that the policy does not know",
        "sign with the key that the policy lists (`git config user.signingkey`); a new key is added to the "
        "policy "
        "by an admin first, in a change of its own that is signed with a known key",
    ),
    Reason.NOT_AUTHORISED: Meaning(
        "is signed, but not by someone who may make this change",
        f"{_ADMIN}; a change cannot authorise its own key, and the key of a forge (web editor, squash "
        f"button) never "
        "authorises content: commit on your machine and merge without squashing",
    ),
    Reason.ROLE_MISSING: Meaning(
        "changes who or what is trusted, which needs the role admin", _ADMIN
    ),
    Reason.WRONG_USAGE: Meaning(
        "is signed with a key that its owner did not make for signing",
        f"`git config user.signingkey` to the fingerprint of the signing subkey followed by `!`, then "
        f"{_AGAIN}",
    ),
    Reason.WEAK_HASH: Meaning(
        "rests on SHA-1 or MD5, which can be forged",
        f"`digest-algo SHA512` and `cert-digest-algo SHA512` in gpg.conf, renew the self-signatures "
        f"(`gpg --edit-key`, expire), then {_AGAIN}",
    ),
    Reason.WEAK_KEY: Meaning(
        "is signed with a key that is too weak",
        "make an Ed25519 key, or RSA of at least 2048 bits, and have it added",
    ),
    Reason.WRONG_NAMESPACE: Meaning(
        "carries an SSH signature that was made for something other than git",
        f"find out where it came from; {_AGAIN}",
    ),
    Reason.TOUCH_MISSING: Meaning(
        "was signed by a security key without a touch, which the policy requires",
        f"make a key without `no-touch-required` (`ssh-keygen -t ed25519-sk`), or touch it when it blinks; "
        f"{_AGAIN}",
    ),
    Reason.VERIFY_MISSING: Meaning(
        "was signed by a security key without PIN or fingerprint, which the policy requires",
        f"make the key with `ssh-keygen -t ed25519-sk -O verify-required` and have it added; {_AGAIN}",
    ),
    Reason.KEY_EXPIRED_AT_SIGNING: Meaning(
        "was signed after its key had expired",
        "renew the key with the offline primary (`gpg --quick-set-expire FINGERPRINT 1y '*'`), export it "
        "into the "
        f"file that the policy names, commit that, then {_AGAIN}",
    ),
    Reason.KEY_EXPIRED: Meaning(
        "was signed with a key that has expired since, longer ago than the grace allows",
        "renew the key with the offline primary (`gpg --quick-set-expire FINGERPRINT 1y '*'`) and export "
        "it into the "
        "file that the policy names",
    ),
    Reason.KEY_REVOKED: Meaning(
        "is signed with a key that its owner has revoked",
        "look at what was signed with it; changes that are known to be good can be listed under "
        "`accept_commits` "
        "by an admin, others must be made anew with a new key",
    ),
    Reason.SIGNATURE_EXPIRED: Meaning(
        "carries a signature that has expired", f"remove `default-sig-expire` from gpg.conf; {_AGAIN}"
    ),
    Reason.SIGNED_IN_FUTURE: Meaning(
        "is dated in the future", f"set the clock of the machine right (`timedatectl`), then {_AGAIN}"
    ),
    Reason.TIME_SKEW: Meaning(
        "was signed at another time than it was committed",
        f"set the clock right and {_AGAIN}",
    ),
    Reason.TIME_BACKWARDS: Meaning(
        "is dated before the commit that it builds on", f"set the clock right and {_AGAIN}"
    ),
    Reason.IDENTITY_MISMATCH: Meaning(
        "names a committer that its signer is not",
        "`git config user.email` to an address that the policy lists for you, then `git commit --amend -S "
        "--no-edit "
        "--reset-author`",
    ),
    Reason.IMPURE_MERGE: Meaning(
        "is a merge that changes something protected by itself, which neither side had",
        f"merge on your machine and sign the merge (`git merge -S`), or rebase and resolve in signed "
        f"commits; {_HARDWARE}",
    ),
    Reason.RETIRED_KEY: Meaning(
        "is signed with a retired key, and is not part of the history for which that key still counts",
        f"sign with the current key: {_AGAIN}",
    ),
    Reason.SHALLOW: Meaning(
        "lies where this clone ends, so that what came before cannot be seen",
        "fetch the whole history: `git fetch --unshallow`, in GitHub Actions `fetch-depth: 0`",
    ),
    Reason.ENGINE_MISSING: Meaning(
        "could not be verified by what is installed here",
        "install pysequoia (`pip install pysequoia`) or gpg (`apt install gnupg`, `nix-shell -p gnupg`)",
    ),
    Reason.STALE_BASE: Meaning(
        "was judged against a base that is no longer the tip of its branch", "fetch the base branch and "
        "run again"
    ),
}  # fmt: skip
