"""What is fuzzed: for each parser and decoder how to run it, on what, and what it may answer with."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.fuzz import samples

SHARED = Path(__file__).resolve().parents[3] / "shared" / "sops-made"

Samples = Callable[[Random], Sequence[bytes]]


class Target(NamedTuple):
    """`run` takes one input and fails by an exception that is not its declared answer."""

    run: Callable[[bytes], None]
    samples: Samples


PATHS = (
    "a.nix",
    "a.yaml",
    "a.json",
    "a.env",
    ".env",
    "a.ini",
    "a.md",
    "a.txt",
    "id_ed25519",
    "a.conf",
    "commit message/",
    "a.tfvars",
    "flake.lock",
    "a.tf",
    "a.dec.yaml",
    ".a.yaml.swp",
    "a.go",
    "\udcff.yaml",
)


@cache
def _scanner(bulk: bool, history: bool) -> object:
    from sopsguard.scan import Scanner

    return Scanner(bulk=bulk, history=history)


def _scan(data: bytes, bulk: bool = False, history: bool = False) -> None:
    from sopsguard.model import printable
    from sopsguard.scan import Scanner

    scanner = _scanner(bulk, history)
    assert isinstance(scanner, Scanner)
    for path in (PATHS[len(data) % len(PATHS)], PATHS[sum(data[:64]) % len(PATHS)]):
        result = scanner.scan(data, path)
        for hit in result.hits:
            assert 0 <= hit.start <= hit.end <= len(data), hit
            assert hit.secret, hit
            assert len(hit.secret) < 16 or repr(hit.secret)[2:-1] not in repr(hit), "secret in repr"
            printable(hit.title)
        for problem in result.unknown:
            assert 0 <= problem.start <= problem.end <= len(data), problem


def _engines(data: bytes) -> None:
    """The two engines answer alike."""
    from sopsguard.scan import Scanner

    one, two = _scanner(False, False), _scanner(True, False)
    assert isinstance(one, Scanner)
    assert isinstance(two, Scanner)
    path = PATHS[len(data) % len(PATHS)]
    # The engine is loaded once enough has gone by.
    padded = data + b"\n" * 450_000 if len(data) % 50 == 0 else data
    assert one.scan(padded, path) == two.scan(padded, path), "engines differ"


def _decode(data: bytes) -> None:
    from sopsguard.scan import decode, proof

    inflated = decode.inflated(data, 1 << 20)
    assert inflated is None or len(inflated[1]) <= 1 << 20
    text = decode.transcoded(data)
    if text is not None:
        for offset in (0, len(text.text) // 2, len(text.text)):
            assert text.original(offset) >= 0
    decode.unescaped(data)
    decode.percent(data)
    decode.without_ciphertext(data)
    for run in decode.runs(data, decode.words(data)):
        assert 0 <= run.start < run.end <= len(data)
    if data:
        decode.plausible(data[:18])
    proof.public_halves(data)


def _names(data: bytes) -> None:
    from sopsguard.scan import proof

    named = proof.names(
        [("a.yaml", data), ("\udcff/b.pub", data[::-1]), (".sops.yaml", data[len(data) // 2 :])]
    )
    named.sentence(list(named.places)[:5])


def _nix(data: bytes) -> None:
    from sopsguard import nix
    from sopsguard.nix.facts import facts

    nix.may_hold_secrets(data)
    reading = nix.literals(data)
    if isinstance(reading, nix.Reading):
        for secret in nix.secrets(reading, "a.nix"):
            assert 0 <= secret.start <= secret.end <= len(data), secret
        assert reading.comments is not None
    facts(data, "hosts/a/default.nix")


def _document(data: bytes) -> None:
    from sopsguard import document

    for format in document.FORMATS:
        try:
            read = document.read(data, format)
        except document.Unreadable as e:
            assert str(e)  # noqa: PT017
            continue
        repr(read)


def _sops(data: bytes) -> None:
    from datetime import UTC, datetime

    from sopsguard.history import decoded, encoded, facts_of
    from sopsguard.managed import looks_like_sops
    from sopsguard.sops import file
    from sopsguard.sops.covered import differences
    from sopsguard.sops.soundness import problems

    looks_like_sops(data)
    for path in ("a.yaml", "a.json", "a.env", "a.ini", "a.bin"):
        read = file.read(data, path)
        if isinstance(read, file.NotSops):
            continue
        list(problems(read, datetime(2026, 1, 1, tzinfo=UTC)))
        if isinstance(read, file.SopsFile):
            for leaf in read.leaves:
                repr((leaf, leaf.key, leaf.is_comment, leaf.is_empty))
            facts = facts_of(read)
            assert decoded(encoded(facts)) == facts
            assert not differences(read, read)


def _config(data: bytes) -> None:
    from sopsguard.sops import lint, nearmiss, usage
    from sopsguard.sops.config import effective, parse

    paths = ["secrets/a.yaml", "k8s/b.yml", "hosts/a/x.nix", "\udcff", "a\nb"]
    config = parse(data, "sub/.sops.yaml")
    config = config if len(data) % 3 else parse(data)
    list(lint.problems(config))
    list(lint.requirements(config, ["3.9.4", "x", ""]))
    list(usage.problems(config, paths[:2], paths[2:]))
    list(usage.layout({".sops.yaml": config, "a/.sops.yaml": config}, paths))
    for path in paths:
        config.match(path)
        nearmiss.near_misses(config, path, paths)
        effective({".sops.yaml": config}, path)
    repr((config.anchors, config.names, config.unused_anchors))


def _policy(data: bytes) -> None:
    from sopsguard.checks import RULES
    from sopsguard.model import UserError
    from sopsguard.policy import matches, read

    try:
        policy = read(data, tuple(RULES))
    except UserError as e:
        assert e.message  # noqa: PT017
        return
    for waiver in policy.waivers:
        matches(waiver.path, "docs/a/b/c/example.md" * 20)


def _waive(data: bytes) -> None:
    from sopsguard.checks import RULES
    from sopsguard.fix.waive import with_waiver
    from sopsguard.model import UserError
    from sopsguard.policy import Waiver, read

    try:
        read(data, tuple(RULES))
    except UserError:
        return
    waiver = Waiver("plaintext-token", "a b", "why: #", "2099-01-01", "0123456789abcdef")
    with suppress(UserError):
        assert with_waiver(data.decode(), waiver)


def _keys(data: bytes) -> None:
    from sopsguard.keys import age, age_file, bech32, openpgp, password, pem, ssh, ssh_wire, wireguard

    age_file.parse(data)
    ssh.private_key(data)
    openpgp.secret_keys(data)
    openpgp.certificates(data)
    if pem.is_der(data):
        with suppress(ssh_wire.Malformed):
            pem.der_key(data)
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
        for parse in (
            bech32.decode,
            age.identity,
            age.identity_file,
            age.recipient,
            age.from_ssh_public,
            age_file.parse_armored,
            ssh.private_key,
            ssh.public_key,
            ssh.known_host,
            openpgp.secret_keys,
            openpgp.certificates,
            wireguard.key,
            password.hash_format,
            password.entropy,
        ):
            repr(parse(text))
        for line in text.splitlines()[:20]:
            for parse in (age.identity, age.recipient, ssh.public_key, ssh.known_host, wireguard.key):
                repr(parse(line))


def _records(data: bytes) -> None:
    from sopsguard.git import records
    from sopsguard.model import UserError

    records.lfs_pointer(data)
    for parse in (
        lambda: list(records.raw_changes(data)),
        lambda: list(records.by_commit(iter(data.split(b"\0")))),
        lambda: [records.indexed(line) for line in data.split(b"\0")],
    ):
        with suppress(UserError, ValueError):  # git prints no such line
            parse()


def _cache(data: bytes) -> None:
    from sopsguard.history import NotFacts, decoded

    with suppress(NotFacts):
        decoded(data)


def _real() -> list[bytes]:
    """Files of real versions of sops, where the reference data stand beside the checkout."""
    if not SHARED.is_dir():
        return []
    return [path.read_bytes() for path in sorted(SHARED.glob("sops-*/*")) if path.is_file()]


def _sops_samples(rng: Random) -> list[bytes]:
    return [*samples.sops(rng).values(), *_real()]


def _key_samples(rng: Random) -> list[bytes]:
    identity, recipient = samples.age_key(rng)
    file = samples.age_file(rng)
    more = [
        identity.encode(),
        recipient.encode(),
        file,
        samples.armored(file).encode(),
        samples.wireguard(rng).encode(),
    ]
    more += [
        b"host,10.0.0.1 " + key for key in samples.private_keys(rng) if key.startswith((b"ssh-", b"ecdsa-"))
    ]
    more.append(b"$y$j9T$" + b"a" * 22 + b"$" + b"b" * 43)
    return [*samples.private_keys(rng), *samples.openpgp(rng), *more]


def _fact_samples(rng: Random) -> list[bytes]:
    from sopsguard.history import encoded, facts_of
    from sopsguard.sops.file import SopsFile, read

    files = [read(data, path) for path, data in samples.sops(rng).items()]
    return [encoded(facts_of(file)) for file in files if isinstance(file, SopsFile)] + [encoded(None)]


TARGETS: dict[str, Target] = {
    "scan": Target(_scan, lambda rng: [*samples.texts(rng), *samples.sops(rng).values()]),
    "scan-versions": Target(lambda data: _scan(data, history=True), samples.texts),
    "engines": Target(_engines, samples.texts),
    "decode": Target(_decode, samples.texts),
    "names": Target(
        _names,
        lambda rng: [
            *samples.texts(rng)[:3],
            *samples.config(rng),
            *_key_samples(rng),
            *samples.sops(rng).values(),
        ],
    ),
    "nix": Target(_nix, samples.nix),
    "document": Target(_document, lambda rng: [*_sops_samples(rng), *samples.config(rng), samples.POLICY]),
    "sops": Target(_sops, _sops_samples),
    "config": Target(_config, samples.config),
    "policy": Target(_policy, lambda _: [samples.POLICY]),
    "waive": Target(_waive, lambda _: [samples.POLICY, b"version: 1\n", b""]),
    "keys": Target(_keys, _key_samples),
    "records": Target(_records, samples.records),
    "cache": Target(_cache, _fact_samples),
}


def inputs(name: str, seed: int, number: int) -> bytes:
    """Input `number` of a target: the same for the same seed, whatever came before it."""
    from tests.fuzz.mutate import mutated

    return mutated(Random(f"{seed} {name} {number}"), _samples(name, seed))


@cache
def _samples(name: str, seed: int) -> Sequence[bytes]:
    return TARGETS[name].samples(Random(f"{seed} {name}"))


def where(folder: Path, name: str, seed: int, number: int) -> Path:
    """Where an input is kept that made its target fail."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{seed}-{number}"
