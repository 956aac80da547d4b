"""Whose keys are at hand: where sops looks for age identities, and unwrapping a data key with them.

Nothing here reads a file, the environment or a program: `sources` says where to look, and whoever may act
hands in what was found there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """One place to look: `file` and `command` name it (`where`), `text` is there already.

    `ssh`: it holds one SSH private key, otherwise age identities, one a line (`words`: separated by any white
    space). `needed`: somebody asked for it, so it is an error if it is not there.
    """

    kind: Literal["file", "command", "text"]
    where: str
    ssh: bool = False
    words: bool = False
    needed: bool = True
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key that opens age files; only `label` ever shows."""

    label: str
    key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A place that yields no identity, and why."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Identities:
    """All that can be used, and what could not."""

    usable: tuple[Identity, ...] = ()
    unusable: tuple[Unusable, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.usable)

    def __add__(self, other: "Identities") -> "Identities":
        return Identities(self.usable + other.usable, self.unusable + other.unusable)


def sources(env: Mapping[str, str], platform: str, given: Iterable[str] = ()) -> list[Source]:
    """Where sops 3.13 looks, in its order; `given` are the files of `--identity`, which come first.

    `env` is the environment, `platform` as in `sys.platform`.
    """
    found = [Source("file", path) for path in given]
    if path := env.get("SOPS_AGE_SSH_PRIVATE_KEY_FILE"):
        found.append(Source("file", path, ssh=True))
    if command := env.get("SOPS_AGE_SSH_PRIVATE_KEY_CMD"):
        found.append(Source("command", command, ssh=True))
    home = env.get("USERPROFILE" if platform == "win32" else "HOME", "")
    if home:
        found += [
            Source("file", f"{home}/.ssh/{name}", ssh=True, needed=False) for name in ("id_ed25519", "id_rsa")
        ]
    if text := env.get("SOPS_AGE_KEY"):
        found.append(Source("text", "SOPS_AGE_KEY", words=True, text=text))
    if path := env.get("SOPS_AGE_KEY_FILE"):
        found.append(Source("file", path))
    if command := env.get("SOPS_AGE_KEY_CMD"):
        found.append(Source("command", command))
    if base := _config_home(env, platform, home):
        found.append(Source("file", f"{base}/sops/age/keys.txt", needed=False))
    return found


def _config_home(env: Mapping[str, str], platform: str, home: str) -> str:
    if platform == "win32":
        return env.get("AppData") or env.get("APPDATA", "")
    if configured := env.get("XDG_CONFIG_HOME"):
        return configured
    if not home:
        return ""
    return f"{home}/Library/Application Support" if platform == "darwin" else f"{home}/.config"


def gather(
    places: Iterable[Source],
    read: Callable[[str], bytes | None],
    run: Callable[[str], bytes | None] | None = None,
) -> Identities:
    """All identities of `places`.

    `read` gives the content of a file, `None` if there is none, and may raise `OSError`; `run` the output of
    a command line, `None` if it failed. Without `run` commands are left out, and told.
    """
    found = Identities()
    for place in places:
        reason, data = "", place.text.encode() if place.kind == "text" else None
        if place.kind == "file":
            try:
                data = read(place.where)
                reason = "there is no such file"
            except OSError as error:
                reason = error.strerror or "it cannot be read"
        elif place.kind == "command":
            data = run(place.where) if run is not None else None
            reason = "the command failed" if run is not None else "no command is run here"
        if data is not None:
            found += parse(data, place)
        elif place.needed or reason != "there is no such file":
            where = place.where if place.kind != "command" else "a command of the environment"
            found += Identities(unusable=(Unusable(where, reason),))
    return found


def parse(data: bytes, source: Source) -> Identities:
    """The identities in what was found at `source`. Never raises; nothing of `data` shows in a reason."""
    where = source.where if source.kind != "command" else "the output of a command"
    if len(data) > MAX_BYTES:
        return Identities(unusable=(Unusable(where, "too large for a key"),))
    begins = data.lstrip()[:64]
    if source.ssh or b"PRIVATE KEY-----" in begins:
        return _ssh(data, where)
    if begins.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")):
        return Identities(
            unusable=(Unusable(where, "protected by a passphrase, which only sops can ask for"),)
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Identities(unusable=(Unusable(where, "not a text"),))
    if source.words:
        text = "\n".join(text.split())
    usable: list[Identity] = []
    unusable: list[Unusable] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line or line.startswith("#"):
            continue
        reason = _age(line, usable)
        if reason:
            unusable.append(Unusable(where, f"line {number}: {reason}"))
    return Identities(tuple(usable), tuple(unusable))


def _age(line: str, usable: list[Identity]) -> str | None:
    """Adds the identity of a line, or says why it cannot be used."""
    import pyrage

    if line.startswith("AGE-SECRET-KEY-PQ-"):
        return "post-quantum identities need the sops program"
    if line.startswith("AGE-PLUGIN-"):
        return "identities of age plugins need the sops program"
    if not re.match(r"AGE-SECRET-KEY-1[0-9A-Z]+\Z", line):
        return "not an age identity"
    try:
        key = pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        return "a damaged age identity"
    usable.append(Identity(str(key.to_public()), key))
    return None


def _ssh(data: bytes, where: str) -> Identities:
    import pyrage

    if _needs_passphrase(data):
        return Identities(
            unusable=(Unusable(where, "protected by a passphrase, which only sops can ask for"),)
        )
    try:
        key = pyrage.ssh.Identity.from_buffer(data)
    except (pyrage.IdentityError, ValueError):
        return Identities(unusable=(Unusable(where, "not an SSH private key that age can use"),))
    return Identities((Identity(f"ssh key {where}", key),))


def _needs_passphrase(data: bytes) -> bool:
    from sopsguard.keys import Problem
    from sopsguard.keys.ssh import private_key

    key = private_key(data.decode("utf-8", "replace"))
    return not isinstance(key, Problem) and key is not None and key.encrypted is not False


def unwrap(enc: str, identities: Identities) -> bytes | None:
    """The plaintext of one armored age file, with whichever identity fits; `None` if none does."""
    import pyrage

    from sopsguard.keys import Problem
    from sopsguard.keys.age_file import parse_armored

    data = enc.encode("utf-8", "surrogateescape")
    if isinstance(parse_armored(data), Problem):  # rage forgives in other places than age
        return None
    data = data.strip() + b"\n"
    try:
        return bytes(pyrage.decrypt(data, [identity.key for identity in identities.usable]))
    except (pyrage.DecryptError, ValueError):
        return None
