"""What `sops updatekeys` would do to a file, without running it."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sopsguard.keys import age as age_keys
from sopsguard.sops.drift import Drift, drift
from sopsguard.sops.masterkey import metadata_key
from sopsguard.sops.rules import Rule, Scope
from tests.conftest import Peer
from tests.sops.configs import ALICE, BOB, CAROL, read

IDENTITY = age_keys.generate_identity()
ME = IDENTITY.public or ""


def groups(*names: list[str], threshold: int | None = None) -> str:
    text = "creation_rules:\n  - key_groups:\n" + "".join(
        f"    - age: {json.dumps(group)}\n" for group in names
    )
    return text + (f"    shamir_threshold: {threshold}\n" if threshold is not None else "")


def flat(*names: str) -> str:
    return f"creation_rules:\n  - age: {','.join(names)}\n"


# (configuration when the file was written, configuration now)
ROWS = {
    "the same": (flat(ME, ALICE), flat(ME, ALICE)),
    "another order": (flat(ME, ALICE), flat(ALICE, ME)),
    "a repetition": (flat(ME, ALICE), flat(ALICE, ME, ALICE)),
    "one group instead of flat keys": (flat(ME, ALICE), groups([ALICE, ME])),
    "one more": (flat(ME), flat(ME, BOB)),
    "one less": (flat(ME, BOB, ALICE), flat(ME, ALICE)),
    "exchanged": (flat(ME, BOB), flat(ME, CAROL)),
    "the rule hides its flat keys": (flat(ME, BOB), groups([ME, BOB]) + f"    age: {CAROL}\n"),
    "split in groups": (flat(ME, ALICE), groups([ME], [ALICE])),
    "groups exchanged": (groups([ME], [ME, ALICE]), groups([ME, ALICE], [ME])),
    "groups joined": (groups([ME], [ME, ALICE]), groups([ME, ALICE])),
    "a third group": (groups([ME], [ME, ALICE]), groups([ME], [ME, ALICE], [ME, BOB])),
    "another threshold in the rule": (
        groups([ME], [ME, ALICE], [BOB], threshold=2),
        groups([ME], [ME, ALICE], [BOB], threshold=3),
    ),
    "fewer groups than the threshold": (
        groups([ME], [ME, ALICE], [ME, BOB], threshold=3),
        groups([ME], [ME, ALICE]),
    ),
    "a threshold with one group": (flat(ME) + "    shamir_threshold: 1\n", flat(ME)),
    "another scope": (flat(ME), flat(ME) + "    encrypted_regex: ^k$\n"),
}


def of_file(metadata: Mapping[str, Any]) -> list[list[str]]:
    found = metadata.get("key_groups") or [metadata]
    keys = [[metadata_key("age", entry) for entry in group.get("age") or ()] for group in found]
    return [[key.identity for key in group if key is not None] for group in keys]


@pytest.mark.peer("sops")
@pytest.mark.parametrize("name", ROWS)
def test_it_is_what_updatekeys_does(peer: Peer, tmp_path: Path, name: str) -> None:
    before, now = ROWS[name]

    def sops(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [peer("sops"), *args],
            cwd=tmp_path,
            env={"SOPS_AGE_KEY": IDENTITY.secret, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )

    (tmp_path / "a.json").write_text('{"k": "v"}')
    (tmp_path / ".sops.yaml").write_text(before)
    sops("encrypt", "-i", "a.json")
    metadata = json.loads((tmp_path / "a.json").read_text())["sops"]
    (tmp_path / ".sops.yaml").write_text(now)
    real = sops("updatekeys", "-y", "a.json")

    threshold = metadata.get("shamir_threshold", 0)
    found = drift(of_file(metadata), read(now).rules[0], threshold=threshold)
    assert found.updatekeys_changes == ("up to date" not in real.stderr)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", real.stdout)
    assert sorted(found.missing) == sorted(re.findall(r"^\+\+\+ (age1\w+)$", plain, re.MULTILINE))
    assert sorted(found.extra) == sorted(re.findall(r"^--- (age1\w+)$", plain, re.MULTILINE))
    after = json.loads((tmp_path / "a.json").read_text())["sops"]
    assert drift(of_file(after), read(now).rules[0], threshold=after.get("shamir_threshold", 0)).groups == ()


def rule(text: str) -> Rule:
    return read(f"creation_rules:\n  - {text}\n").rules[0]


def test_an_ssh_key_with_another_comment_is_another_key() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    found = drift([[f"{key} laptop"]], rule(f"age: {key} desktop"))
    assert (found.missing, found.extra) == ((f"{key} desktop",), (f"{key} laptop",))


def test_a_pgp_key_in_another_spelling_is_another_key_to_sops() -> None:
    assert drift([["AB" * 20]], rule(f"pgp: {'ab' * 20}")).updatekeys_changes
    assert not drift([["AB" * 20]], rule(f"pgp: {' '.join(['AB'] * 20)}")).updatekeys_changes


def test_an_azure_key_without_version_is_undecided_when_a_version_is_there() -> None:
    azure = rule("azure_keyvault: https://v.vault.azure.net/keys/k")
    found = drift([["https://v.vault.azure.net/keys/k/0123"]], azure)
    assert (found.missing, found.extra) == ((), ())
    assert found.groups[0].undecided == ("https://v.vault.azure.net/keys/k/",)
    assert drift([[]], azure).missing == ("https://v.vault.azure.net/keys/k/",)


@pytest.mark.parametrize(
    ("have", "text", "expected"),
    [
        (Scope(), f"age: {ALICE}", {}),
        (Scope(unencrypted_suffix="_unencrypted"), f"age: {ALICE}", {}),
        (Scope(encrypted_regex="^k$"), f"age: {ALICE}\n    encrypted_regex: ^k$", {}),
        (
            Scope(unencrypted_suffix="_unencrypted"),
            f"age: {ALICE}\n    encrypted_regex: ^k$",
            {"unencrypted_suffix": ("_unencrypted", ""), "encrypted_regex": ("", "^k$")},
        ),
        (Scope(), f"age: {ALICE}\n    mac_only_encrypted: true", {"mac_only_encrypted": ("false", "true")}),
    ],
)
def test_scope_drift_names_each_field_that_differs(
    have: Scope, text: str, expected: dict[str, tuple[str, str]]
) -> None:
    assert drift([[ALICE]], rule(text), scope=have).scope == expected
    assert drift([[ALICE]], rule(text), scope=have, binary=True).scope == {}


def test_a_threshold_that_only_the_rule_changed_is_told_apart() -> None:
    three = read(groups([ALICE], [BOB], [CAROL], threshold=3)).rules[0]
    found = drift([[ALICE], [BOB], [CAROL]], three, threshold=2)
    assert found == Drift(threshold_by_rule=(2, 3))
    assert not found.updatekeys_changes
