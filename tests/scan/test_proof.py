"""Whose key a found key is: public halves in a repository, and the sentence about one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import age, ssh, wireguard
from sopsguard.scan import Scanner
from sopsguard.scan.proof import names, public_halves

LAPTOP = age.generate_identity()
HOST = ssh.generate_host_key(comment="root@powerhouse")
PAIR = wireguard.generate()
CIPHER = (
    "ENC[AES256_GCM,data:QUJD,iv:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,"
    "tag:MDEyMzQ1Njc4OTAxMjM0NQ==,type:str]"
)


def encrypted(*recipients: str | None) -> bytes:
    listed = "".join(f"        - recipient: {recipient}\n          enc: x\n" for recipient in recipients)
    return f"a: {CIPHER}\nsops:\n    age:\n{listed}    mac: x\n".encode()


def host_recipient() -> str:
    recipient = age.from_ssh_public(HOST.public)
    assert isinstance(recipient, str)
    return recipient


def test_public_halves_of_every_kind_are_read_from_a_text() -> None:
    fingerprint = "0A1B" * 10
    text = f'- &me {LAPTOP.public}\n{HOST.public}\npublicKey = "{PAIR.public}";\npgp: {fingerprint.lower()}\n'
    halves = public_halves(text.encode())
    line = " ".join(HOST.public.split()[:2])
    assert {LAPTOP.public, line, host_recipient(), PAIR.public, fingerprint} <= halves
    assert len(halves) == 6  # and the fingerprint of the SSH key


@given(st.binary(max_size=500))
def test_any_bytes_have_public_halves_or_none(data: bytes) -> None:
    assert isinstance(public_halves(data), set)


def test_an_anchor_names_the_holder_and_the_metadata_what_the_key_opens() -> None:
    known = names(
        [
            (".sops.yaml", f"keys:\n  - &user_alice {LAPTOP.public}\n".encode()),
            ("secrets/a.yaml", encrypted(LAPTOP.public)),
            ("secrets/b.yaml", encrypted(LAPTOP.public, host_recipient())),
        ]
    )
    assert known.sentence((LAPTOP.public or "",)) == (
        "it belongs to user_alice (.sops.yaml:2); it opens 2 files: secrets/a.yaml, secrets/b.yaml"
    )


def test_a_found_ssh_host_key_opens_what_its_age_recipient_opens() -> None:
    known = names([("hosts/ph/host.pub", HOST.public.encode()), ("s.yaml", encrypted(host_recipient()))])
    (hit,) = Scanner().hits(HOST.private.encode(), "x")
    assert (
        known.sentence(hit.public)
        == "it belongs to root@powerhouse (hosts/ph/host.pub:1); it opens 1 file: s.yaml"
    )


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        (
            "hosts.nix",
            '{{\n  nodes = {{\n    powerhouse = {{\n      publicKey = "{}";\n    }};\n  }};\n}}\n',
            "powerhouse",
        ),
        ("hosts.nix", '{{ battery.publicKey = "{}"; }}', "battery"),
        ("inventory.yaml", "hosts:\n  capacitor:\n    wireguard:\n      public_key: {}\n", "capacitor"),
        ("wg.conf", "[Peer]\nPublicKey = {} # phone\n", "phone"),
        ("keys/wireguard/tablet.pub", "{}\n", "tablet"),
        ("notes.txt", "{}\n", ""),
    ],
)
def test_the_place_tells_the_name_of_the_holder(path: str, text: str, name: str) -> None:
    known = names([(path, text.format(PAIR.public).encode())])
    (place,) = known.places[PAIR.public]
    assert (place.path, place.name) == (path, name)


def test_a_key_that_nobody_knows_is_said_to_be_unknown() -> None:
    assert names([]).sentence((LAPTOP.public or "",)) == (
        f"its public half {LAPTOP.public} stands nowhere else in the repository"
    )
    assert names([]).sentence(()) == ""


def test_many_files_are_counted_and_a_few_are_named() -> None:
    known = names([(f"s{number}.yaml", encrypted(LAPTOP.public)) for number in range(5)])
    assert known.sentence((LAPTOP.public or "",)) == "it opens 5 files: s0.yaml, s1.yaml, s2.yaml and 2 more"


def test_names_from_hostile_files_are_printable() -> None:
    known = names([("a\x1b[2J.pub", f"{HOST.public.split()[0]} {HOST.public.split()[1]}".encode())])
    line = " ".join(HOST.public.split()[:2])
    assert "\x1b" not in known.sentence((line,))


def test_no_private_half_is_taken_for_a_public_one_of_its_pair() -> None:
    (hit,) = Scanner().hits(f"[Interface]\nPrivateKey = {PAIR.private}\n".encode(), "wg0.conf")
    assert hit.public == (PAIR.public,)
    assert base64.b64decode(PAIR.public) != base64.b64decode(PAIR.private)
