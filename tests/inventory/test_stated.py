"""`inventory.yaml` is read strictly, and agrees with its published schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sopsguard.inventory import How, Inventory, Kind, stated
from sopsguard.model import UserError
from tests import throwaway

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "inventory.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
IDENTITY, OAK = throwaway.age_identity()
ELM = throwaway.age_identity()[1]
HOST_KEY = throwaway.openssh_public("root@oak")
WIREGUARD = throwaway.wireguard_public()
PRINT = "0A8C406B92CEFC33A51EC4933D9E0666449B886D"

WHOLE = f"""\
version: 1
hosts:
  oak:
    aliases: [the-oak, nixos_oak]
    recipients: [{OAK}]
    host_keys: ["{HOST_KEY}"]
    wireguard: {{address: 10.0.0.1/24, public_key: {WIREGUARD}, server: true}}
people:
  ada:
    roles: [admin]
    emails: [ada@example.org]
    recipients:
      - {PRINT}
      - {{key: {ELM}, offline: true}}
    signing_keys:
      - {{openpgp: "0x{PRINT.lower()}", file: keys/ada.asc}}
      - {HOST_KEY}
services:
  ci: {{offline: true, recipients: [arn:aws:kms:eu-west-1:123456789012:key/abc]}}
former:
  bob: {{left: 2026-05-01}}
  elm: {{kind: host, left: 2026-06-01, recipients: [{PRINT[::-1]}]}}
"""


def read(text: str) -> Inventory:
    return stated.read(text.encode())


def mistake(text: str) -> str:
    with pytest.raises(UserError) as e:
        read(text)
    return f"{e.value.message} | {e.value.hint}"


def test_an_empty_file_states_nobody() -> None:
    assert list(read("")) == list(read("hosts:\npeople: {}\n")) == []
    assert read("").stated


def test_everything_that_can_be_said_is_read() -> None:
    found = read(WHOLE)
    (oak,), (ada,), (ci,) = found.hosts, found.people, found.services
    assert (oak.name, oak.aliases, oak.kind, oak.where.line) == (
        "oak",
        ("the-oak", "nixos_oak"),
        Kind.HOST,
        3,
    )
    assert [k.line for k in oak.host_keys] == [" ".join(HOST_KEY.split()[:2])]
    assert oak.wireguard is not None
    assert (oak.wireguard.address, oak.wireguard.public_key, oak.wireguard.server) == (
        "10.0.0.1/24",
        WIREGUARD,
        True,
    )
    assert ada.roles == {"admin"}
    assert [(r.reader, r.offline) for r in ada.recipients] == [(PRINT, False), (ELM, True)]
    assert [(k.kind, k.file) for k in ada.signing_keys] == [("openpgp", "keys/ada.asc"), ("ssh", None)]
    assert ada.signing_keys[0].key == PRINT
    assert ci.offline
    assert [r.offline for r in ci.recipients] == [True]
    assert [(h.name, h.kind, h.left) for h in found.former] == [
        ("bob", Kind.PERSON, "2026-05-01"),
        ("elm", Kind.HOST, "2026-06-01"),
    ]
    assert all(h.exists and h.stated for h in (*found, *found.former))


def test_who_answers_for_every_spelling() -> None:
    found = read(WHOLE)
    for spelling in (PRINT, f"0x{PRINT.lower()}!", " ".join(PRINT)):
        ((known),) = found.who(spelling)
        assert (known.holder.name, known.how, known.why.where.line) == ("ada", How.INVENTORY, 13)
    assert [k.former for k in found.who(PRINT[::-1])] == [True]
    assert found.who("age1nobody") == ()
    assert [h.name for h in found.named("THE_OAK")] == ["oak"]
    assert found.host("nixos-oak") is found.hosts[0]
    assert found.host("ada") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host: {}\nhosts: {}", "inventory.yaml:1: 'host' is not a section of the inventory | did you mean"),
        ("hosts: {a: {recipient: []}}", "'recipient' is not a field of a host | did you mean 'recipients'?"),
        ("people: {a: {wireguard: {}}}", "'wireguard' is not a field of a person"),
        ("hosts: [a]", ":1: keys and values are expected here"),
        ("hosts: {a: 1}", "keys and values are expected here"),
        ("hosts: {a: {recipients: x}}", "recipients must be a list"),
        ("hosts: {a: {recipients: [x]}}", "not a recipient | age1…, ssh-ed25519"),
        (f"hosts: {{a: {{recipients: [{OAK[:-1]}]}}}}", "not a recipient that age takes: "),
        ("hosts: {a: {recipients: [{offline: true}]}}", "a recipient needs 'key'"),
        ("hosts: {a: {offline: maybe}}", "offline must be true or false"),
        ("hosts:\n  a: {}\n  a: {}", ":3: 'a' is given twice"),
        ("hosts: {oak: {}}\npeople:\n  OAK: {}", ":3: 'OAK' is already the name of a host (line 1)"),
        ("hosts:\n  a: {}\n  b:\n    aliases: [A]", ":4: 'A' is already the name of a host (line 2)"),
        ("hosts: {a: {aliases: [a]}}", "'a' is already the name of a host"),
        ("hosts: {p\u043ewerhouse: {}}", "is not a name | a name has letters of ASCII"),
        ("hosts: {__proto__: {}}", "'__proto__' is not a name"),
        ("hosts: {--help: {}}", "'--help' is not a name"),
        ("hosts: {a: {host_keys: [x]}}", "a host key must be an SSH public key"),
        ("hosts: {a: {wireguard: {address: 10.0.0.300}}}", "not an IP address"),
        ("hosts: {a: {wireguard: {public_key: abc}}}", "not a WireGuard key"),
        ("people: {a: {roles: [admni]}}", "'admni' is not a role | did you mean 'admin'?"),
        ("people: {a: {emails: [a b@c]}}", "not an e-mail address"),
        ("people: {a: {signing_keys: [3D9E0666449B886D]}}", "a signing key is a whole OpenPGP fingerprint"),
        ("people: {a: {signing_keys: [{file: a.asc}]}}", "either 'openpgp' or 'ssh'"),
        (
            f"people: {{a: {{signing_keys: [{{openpgp: {PRINT}, file: ../a.asc}}]}}}}",
            "file must be a path in the repository",
        ),
        ("former: {a: {}}", ":1: a needs 'left'"),
        ("former: {a: {left: 2026-02-30}}", "left must be a date"),
        (
            "former: {a: {left: 2026-02-20, kind: hsot}}",
            "'hsot' is not a kind of holder | did you mean 'host'?",
        ),
        ("version: 2", "reads version 1 of the inventory"),
        ("a: &x [b]\nhosts: *x", "anchors and aliases have no meaning here"),
        ("hosts: !!python/object:os.system x", "tags have no meaning here"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    assert said in mistake(text)


def test_the_same_key_twice_is_a_mistake_in_whatever_spelling() -> None:
    from sopsguard.inventory import reader

    said = mistake(f"hosts:\n  a:\n    recipients:\n      - {HOST_KEY}\n      - {reader(HOST_KEY)}\n")
    assert "inventory.yaml:5: the same recipient as on line 4 | an SSH key" in said


def test_a_private_half_is_told_and_not_repeated() -> None:
    for text in (f"hosts: {{a: {{recipients: [{IDENTITY}]}}}}", f"hosts: {{{IDENTITY}: {{}}}}"):
        said = mistake(text)
        assert IDENTITY[16:40] not in said
    assert "a private key stands where none belongs" in mistake(f"hosts: {{a: {{recipients: [{IDENTITY}]}}}}")


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20)
    )
    assert "anchors and aliases" in mistake(bomb)


def test_a_file_of_another_program_is_told_apart() -> None:
    assert not stated.is_ours(b"all:\n  hosts:\n    web: {}\n")  # Ansible
    assert not stated.is_ours(b"- a list\n")
    assert stated.is_ours(b"hosts: {}")
    assert stated.is_ours(b"")
    assert stated.is_ours(b"hosts: [")  # its mistake is to be told


def test_ten_thousand_hosts_are_read() -> None:
    text = "hosts:\n" + "".join(f"  host{n}: {{aliases: [h{n}]}}\n" for n in range(10_000))
    found = read(text)
    assert len(found.hosts) == 10_000
    assert found.host("H-9999") is None
    assert found.host("h9999") is found.hosts[9999]


@given(st.binary(max_size=300))
@example(b"\xff\xfe")
@example(b"hosts: \x00")
@example("hosts: {a: {recipients: ['age1\ud800']}}".encode("utf-8", "surrogatepass"))
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    said = stated.FILE
    try:
        stated.read(data)
    except UserError as e:
        said = e.message
    assert said.startswith(stated.FILE)


# --- reader and schema -----------------------------------------------------------------------------------

KEYS = (OAK, ELM, PRINT, HOST_KEY, "nonsense", "", IDENTITY)
TEXTS = st.sampled_from(
    (*KEYS, "2026-05-01", "keys/a.asc", "../a", "/a", "admin", "a@b.c", "10.0.0.1", WIREGUARD)
)
ANY = st.one_of(TEXTS, st.booleans(), st.none(), st.lists(TEXTS, max_size=2))


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(good, good, good, ANY)


RECIPIENT = st.one_of(
    st.sampled_from(KEYS),
    st.fixed_dictionaries(
        {}, optional={"key": st.sampled_from(KEYS), "offline": mostly(st.booleans()), "x": ANY}
    ),
)
SIGNING = st.one_of(
    st.sampled_from((PRINT, HOST_KEY, "nonsense", PRINT[:16])),
    st.fixed_dictionaries(
        {},
        optional={
            "openpgp": st.sampled_from((PRINT, PRINT[:16])),
            "ssh": st.sampled_from((HOST_KEY, "x")),
            "file": st.sampled_from(("keys/a.asc", "../a", "/a", "a/./b", "a//b", "a/", "")),
        },
    ),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "recipients": mostly(st.lists(RECIPIENT, max_size=1)),
    "aliases": mostly(st.lists(st.sampled_from(("z", "-z", "z z", "é")), max_size=1)),
    "offline": mostly(st.booleans()),
    "roles": mostly(st.lists(st.sampled_from(("admin", "commit", "root")), max_size=2)),
    "emails": mostly(st.lists(st.sampled_from(("a@b.c", "a", "a@b@c")), max_size=2)),
    "signing_keys": mostly(st.lists(SIGNING, max_size=2)),
    "host_keys": mostly(st.lists(st.sampled_from((HOST_KEY, "x")), max_size=2)),
    "wireguard": mostly(
        st.fixed_dictionaries(
            {},
            optional={
                "address": mostly(st.sampled_from(("10.0.0.1", "fd00::1/64", "here"))),
                "public_key": mostly(st.sampled_from((WIREGUARD, "x"))),
                "server": mostly(st.booleans()),
            },
        )
    ),
    "left": mostly(st.sampled_from(("2026-05-01", "2026-02-30", "soon"))),
    "kind": mostly(st.sampled_from(("host", "person", "cat"))),
    "x": ANY,
}
HOLDER = mostly(st.fixed_dictionaries({}, optional=FIELDS))
NAMES = st.sampled_from(("oak", "a.b", "_a", "", "a b"))
SECTION = mostly(st.dictionaries(NAMES, HOLDER, max_size=1))


def good(*names: str) -> st.SearchStrategy[Any]:
    """Holders with only fields that are right for them."""
    return st.fixed_dictionaries({}, optional={name: FIELDS[name] for name in names})


COMMON = ("recipients", "aliases", "offline", "roles", "emails", "signing_keys")
HOSTS = st.dictionaries(st.just("oak"), good(*COMMON, "host_keys", "wireguard"), max_size=1)
LEFT = st.fixed_dictionaries({"left": FIELDS["left"]}, optional={"kind": FIELDS["kind"]})
DOCUMENTS = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "version": st.sampled_from((1, 2)),
            "hosts": SECTION,
            "people": SECTION,
            "former": SECTION,
            "x": ANY,
        },
    ),
    st.fixed_dictionaries({"hosts": HOSTS}),
    st.fixed_dictionaries({"former": st.dictionaries(st.just("oak"), LEFT, max_size=1)}),
)
# What no schema can say: that a name is given once, that a key is a key, that a key stands once.
BEYOND = ("already the name", "the same recipient", "not a recipient")


@given(DOCUMENTS)
def test_the_reader_agrees_with_the_schema(document: dict[str, Any]) -> None:
    said = ""
    try:
        read(yaml.safe_dump(document, allow_unicode=True))
    except UserError as e:
        said = e.message
    if any(words in said for words in BEYOND):
        return
    errors = [e.message for e in VALIDATOR.iter_errors(document)]
    assert bool(said) == bool(errors), (said, errors)


def test_the_schema_is_valid_and_takes_the_whole_example() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = yaml.safe_load(
        WHOLE.replace("2026-05-01", "'2026-05-01'").replace("2026-06-01", "'2026-06-01'")
    )
    assert list(VALIDATOR.iter_errors(document)) == []
