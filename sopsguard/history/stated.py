"""What other files say of readers: names and rules of `.sops.yaml`, public keys of hosts and people."""

from typing import NamedTuple

from sopsguard.history.facts import NotFacts
from sopsguard.sops.config import CONFIG_NAME

_KEY_FILES = (".pub", ".asc", ".gpg", ".pgp")


class Rules(NamedTuple):
    """A version of `.sops.yaml`: (recipient, name) in the order of the file, (expression, recipients) of
    each rule. `usable`: sops would read it."""

    names: tuple[tuple[str, str], ...]
    rules: tuple[tuple[str, tuple[str, ...]], ...]
    usable: bool


class PublicKey(NamedTuple):
    """A key in a file of public keys. `kind` is `ssh`, `openpgp` or `openpgp-subkey`; `name` the fingerprint
    (SSH: the key itself, without comment). Times are seconds since 1970; `expires` is 0 for never."""

    kind: str
    name: str
    created: int = 0
    expires: int = 0
    revoked: bool = False
    uses: tuple[str, ...] = ()


class Keys(NamedTuple):
    """A version of a file of public keys."""

    keys: tuple[PublicKey, ...]


def kind_of(path: str) -> str:
    """`config`, `keys` or nothing, by the name of a file."""
    if path.rpartition("/")[2] == CONFIG_NAME:
        return "config"
    return "keys" if path.endswith(_KEY_FILES) else ""


def rules_of(data: bytes, path: str) -> Rules:
    """What a version of `.sops.yaml` says of recipients."""
    from sopsguard.sops.config import parse

    config = parse(data, path)
    names = [(who, name.text) for who, found in config.names.items() for name in found]
    rules = [(rule.path_regex, tuple(key.normal for key in rule.keys)) for rule in config.rules]
    return Rules(tuple(names), tuple(rules), config.usable)


def keys_of(data: bytes) -> Keys | None:
    """The public keys in a file; None where there is none."""
    from sopsguard.keys import Problem, openpgp, ssh

    found: list[PublicKey] = []
    if b"ssh-" in data or b"ecdsa-" in data:
        for line in data.decode("utf-8", "replace").splitlines()[:200]:
            key = ssh.public_key(line)
            if key is not None and not isinstance(key, Problem):
                found.append(PublicKey("ssh", " ".join(key.line.split()[:2])))
    else:
        certificates = openpgp.certificates(data)
        for certificate in certificates if isinstance(certificates, tuple) else ():
            for facts in (certificate.primary, *certificate.subkeys):
                kind = "openpgp" if facts.key.primary else "openpgp-subkey"
                uses = tuple(sorted(facts.capabilities))
                key_facts = facts.key.created, facts.expires or 0, facts.revoked
                found.append(PublicKey(kind, facts.key.fingerprint, *key_facts, uses))
    return Keys(tuple(dict.fromkeys(found))) if found else None


def encoded_statement(said: Rules | Keys | None) -> bytes:
    """As text for the cache."""
    import json

    return json.dumps(said, separators=(",", ":")).encode()


def decoded_statement(data: bytes, kind: str) -> Rules | Keys | None:
    """What `encoded_statement` made. Raises `NotFacts` for anything else."""
    import json

    try:
        said = json.loads(data)
        if said is None:
            return None
        if kind == "keys":
            rows = [(*row[:5], tuple(row[5])) for row in said[0]]
            keys = Keys(tuple(PublicKey(*row) for row in rows))
            sound = len(said) == 1 and all(
                _are(str, key.kind, key.name, *key.uses)
                and _are(int, key.created, key.expires)
                and type(key.revoked) is bool
                for key in keys.keys
            )
            if sound:
                return keys
        else:
            names, rules, usable = said
            pairs = tuple((who, name) for who, name in names)
            lists = tuple((text, tuple(keys)) for text, keys in rules)
            texts = [text for pair in pairs for text in pair]
            texts += [text for one, keys in lists for text in (one, *keys)]
            if _are(str, *texts) and type(usable) is bool:
                return Rules(pairs, lists, usable)
    except (ValueError, TypeError, LookupError, RecursionError):
        pass
    raise NotFacts


def _are(kind: type, *things: object) -> bool:
    return all(type(thing) is kind for thing in things)
