"""SOPS files are recognised, and their metadata and values read, in every store and layout."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.sops.file import Broken, SopsFile, may_be_sops, read
from sopsguard.sops.rules import Scope
from sopsguard.sops.scope import Selection
from sopsguard.sops.soundness import problems
from tests.sops.made import NAMES, NOW, RECIPIENT, broken, is_foreign, sealed, sops_file

YAML = "# note\na: x\nb:\n  c: 1\n  l: [s, {k: t}]\nn: null\ne: ''\nz_unencrypted: 5\n"


@pytest.mark.parametrize(
    ("format", "text", "paths"),
    [
        (
            "yaml",
            YAML,
            [(), ("a",), ("b", "c"), ("b", "l", 0), ("b", "l", 1, "k"), ("n",), ("e",), ("z_unencrypted",)],
        ),
        ("json", '{"a": {"b": [1, {"c": 2}]}}', [("a", "b", 0), ("a", "b", 1, "c")]),
        ("dotenv", "#c\nK=v\n S =w\n", [(), ("K",), (" S ",)]),
        ("binary", "anything", [("data",)]),
    ],
)
def test_every_value_has_its_path_and_its_place(
    format: str, text: str, paths: list[tuple[str | int, ...]]
) -> None:
    data = sealed(text, format)
    file = sops_file(data, NAMES[format])
    assert file.format == format
    assert [leaf.path for leaf in file.leaves] == paths
    for leaf in file.leaves:
        piece = data[leaf.node.start : leaf.node.end]
        assert leaf.envelope is None or leaf.envelope.iv.encode() in piece
        assert data.split(b"\n")[leaf.node.line - 1].find(piece.split(b"\n")[0]) >= 0


def test_the_authenticated_path_has_keys_and_no_indices() -> None:
    aads = {leaf.key: leaf.aad for leaf in sops_file(sealed(YAML)).leaves}
    assert aads == {
        "": ":", "a": "a:", "b.c": "b:c:", "b.l.0": "b:l:", "b.l.1.k": "b:l:k:", "n": "n:", "e": "e:",
        "z_unencrypted": "z_unencrypted:",
    }  # fmt: skip


def test_what_is_selected_is_known_without_a_key() -> None:
    selected = {leaf.key: leaf.selected for leaf in sops_file(sealed(YAML)).leaves}
    assert [key for key, value in selected.items() if not value] == ["z_unencrypted"]
    only = {
        leaf.key
        for leaf in sops_file(sealed(YAML, scope=Scope(encrypted_regex="^(c|k)$"))).leaves
        if leaf.selected
    }
    assert only == {"b.c", "b.l.1.k"}


def test_the_metadata_are_read() -> None:
    meta = sops_file(sealed("a: x\n")).metadata
    assert [recipient.key.text for recipient in meta.recipients] == [RECIPIENT]
    assert (meta.lastmodified, meta.version, meta.loads) == (NOW, "3.13.3", True)
    assert meta.scope.chosen() == {"unencrypted_suffix": "_unencrypted"}
    assert meta.recipients[0].path == "sops.age.0"
    assert meta.problems == ()


# the formats by content


def test_a_json_envelope_under_any_name_is_binary() -> None:
    assert sops_file(sealed("x", "binary"), "kubeconfig").format == "binary"
    assert sops_file(sealed('{"a": "x"}', "json"), "settings").format == "json"
    assert sops_file(sealed("a: x\n"), "settings.conf").format == "yaml"
    assert sops_file(sealed("A=x\n", "dotenv"), ".env.production").format == "dotenv"
    assert (
        sops_file(sealed("x", "binary"), "x.yaml").format == "yaml"
    )  # JSON is YAML, and sops reads it as that
    assert sops_file(sealed("a: x\n"), "a.json").format == "yaml"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "Use sops: it writes ENC[AES256_GCM,data:…] and a mac.\n"),
        ("a.yaml", "sops:\n  enabled: true\nmac: x\n"),
        ("a.yaml", "sops: https://example.org/mac\n"),
        ("a.yaml", "{{ if .Values.sops }}\nmac: {{ .x }}\n{{ end }}\n"),
        ("a.json", '{"sops": {"secretName": "x"}, "mac": 1}'),
        ("a.env", "SOPS_MAC=1\nsops=mac\n"),
        ("main.go", 'const sops = `"sops": {"mac": "x"}`\n'),
        ("a.yaml", ""),
        (".sops.yaml", "creation_rules:\n  - age: age1x # mac\n"),
    ],
)
def test_another_use_of_the_name_is_no_sops_file(path: str, text: str) -> None:
    assert is_foreign(text.encode(), path)


def test_the_cheap_test_of_bytes_never_misses_a_file() -> None:
    for format, text in (("yaml", "a: x\n"), ("json", '{"a":"x"}'), ("dotenv", "A=x\n"), ("binary", "x")):
        assert may_be_sops(sealed(text, format))
    assert not may_be_sops(b"a: b\n" * 1000)


# broken files


def test_a_file_without_its_block_is_broken() -> None:
    data = sealed("a: x\nb: y\n")
    cut = data[: data.index(b"sops:")]
    assert [problem.code for problem in broken(cut).problems] == ["M0"]
    assert broken(cut).problems[0].line == 1


def test_a_block_that_is_no_mapping_is_told() -> None:
    data = sealed("a: x\n")
    assert [p.code for p in broken(data[: data.index(b"sops:")] + b"sops: 1\n").problems] == ["M1"]


def test_a_merge_conflict_is_told() -> None:
    data = sealed("a: x\n").replace(b"sops:\n", b"<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> theirs\nsops:\n")
    assert [p.code for p in broken(data).problems] == ["M13", "M0"]


def test_a_text_that_sops_cannot_read_back_is_told() -> None:
    data = sealed("a: x\n").replace(b"sops:\n", b"l:\n    - k: |4-\n         a\n        b\nsops:\n")
    assert [p.code for p in broken(data).problems] == ["M20", "M0"]


def test_cut_off_and_garbled_files_are_broken_not_foreign() -> None:
    data = sealed('{"a": "x"}', "json")
    assert isinstance(read(data[: len(data) // 2], "a.json"), Broken)
    yaml = sealed("a: x\n")
    assert isinstance(read(yaml.replace(b"a: ENC", b"a: [ENC", 1), "a.yaml"), Broken)
    assert isinstance(read(yaml + b"\xff", "a.yaml"), Broken)


@given(
    st.binary(max_size=30), st.integers(0, 2000), st.sampled_from(["a.yaml", "a.json", "a.env", "a.ini", "a"])
)
def test_any_damage_is_read_without_an_exception(noise: bytes, at: int, path: str) -> None:
    data = _SAMPLE[:at] + noise + _SAMPLE[at + len(noise) :]
    file = read(data, path)
    if isinstance(file, SopsFile | Broken):
        for problem in problems(file):
            assert problem.message


_SAMPLE = sealed(YAML)


VALUE = "ENC[AES256_GCM,data:" + "A" * 28 + ",iv:" + "A" * 43 + "=,tag:" + "A" * 22 + "==,type:str]"
TAIL = f"sops:\n  mac: {VALUE}\n  age: [{{recipient: x, enc: y}}]\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.yaml", f"a: {VALUE}\n# c\n" + "\n" * 3_000_000 + TAIL),
        ("a.yaml", f"a: {VALUE}\n" + ("# c\n" + " " * 400 + "\n") * 4000 + TAIL),
        ("a.yaml", "a: ENC[AES256_GCM,data:" + "A" * 8_000_000 + ",iv:AA==,tag:AA==,type:str]\n" + TAIL),
        ("a.yaml", "a: ENC[AES256_GCM,data:" + ",iv:,tag:,type:" * 200_000 + "]\n" + TAIL),
        ("a.yaml", f"a: {VALUE}\nb: " + "x" * 50_000_000 + "\n" + TAIL),
        ("a.yaml", "a: x\nsops:\n  mac: x\n  encrypted_regex: '" + "(a|b)*" * 20_000 + "c'\n  age: [{}]\n"),
        ("a.json", '{"sops": {"mac": "x"},' + ",".join(f'"k{n}": "{VALUE}"' for n in range(20_000)) + "}"),
        ("a", '{"data": "' + "A" * 50_000_000 + f'", "sops": {{"mac": "{VALUE}"}}}}'),
        ("a.env", f"sops_mac={VALUE}\nsops_" + "__map_a" * 100_000 + "=1\n"),
        ("a.env", "A=" + "x" * 50_000_000 + f"\nsops_mac={VALUE}\n"),
        ("a.ini", "[s]\nk = a\\\n" + "b\\\n" * 90_000 + f"\n[sops]\nmac = {VALUE}\n"),
    ],
    ids=range(11),
)  # fmt: skip
def test_hostile_files_are_judged_in_bounded_time(path: str, text: str) -> None:
    data = text.encode()
    started = time.process_time()
    file = read(data, path)
    assert isinstance(file, SopsFile | Broken)
    assert list(problems(file))
    assert time.process_time() - started < 10


# layouts


OLD = {
    "kms": [], "gcp_kms": None, "lastmodified": NOW, "version": "3.4.0", "unencrypted_suffix": "_unencrypted",
    "pgp": [{"created_at": NOW, "enc": "-----BEGIN PGP MESSAGE-----", "fp": "A" * 40}],
}  # fmt: skip


def _mac() -> str:
    return json.loads(sealed('{"a":"x"}', "json"))["sops"]["mac"]  # type: ignore[no-any-return]


def test_every_kind_of_recipient_is_kept() -> None:
    block = {
        **OLD,
        "mac": _mac(),
        "age": [{"recipient": "age1unknown1thing", "enc": "x"},
                {"recipient": "ssh-ed25519 AAAA c", "enc": "y"}],
        "kms": [{"arn": "arn:aws:kms:eu-west-1:1:key/k", "created_at": NOW, "enc": "z", "aws_profile": "",
                 "context": {"a": "b"}}],
        "gcp_kms": [{"resource_id": "projects/p", "created_at": NOW, "enc": "z"}],
        "azure_kv": [{"vault_url": "https://v", "name": "n", "version": "1", "created_at": NOW, "enc": "z"}],
        "hc_vault": [{"vault_address": "https://v", "engine_path": "t", "key_name": "k",
                      "created_at": NOW, "enc": "z"}],
        "hckms": [{"key_id": "r:u", "created_at": NOW, "enc": "z"}],
    }  # fmt: skip
    meta = sops_file(json.dumps({"a": "x", "sops": block}).encode(), "a.json").metadata
    families = [recipient.family for recipient in meta.recipients]
    assert families == ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age", "age"]
    assert meta.recipients[-1].key.text == "ssh-ed25519 AAAA c"
    assert meta.loads


def test_flat_lists_hide_key_groups() -> None:
    block = {**OLD, "mac": _mac(), "key_groups": [{"age": [{"recipient": RECIPIENT, "enc": "x"}]}]}
    meta = sops_file(json.dumps({"a": "x", "sops": block}).encode(), "a.json").metadata
    assert [recipient.family for recipient in meta.recipients] == ["pgp"]
    assert meta.hidden_groups == 1


@pytest.mark.parametrize(("newline", "quote"), [("\\n", ""), ("\n", '"""')])
def test_ini_metadata_are_read_in_both_styles(newline: str, quote: str) -> None:
    armor = ["-----BEGIN AGE ENCRYPTED FILE-----", "YWdl", "-----END AGE ENCRYPTED FILE-----", ""]
    text = (
        f"[s]\nk = {_mac()}\n\n[sops]\nage__list_0__map_enc = {quote}{newline.join(armor)}{quote}\n"
        f"age__list_0__map_recipient = {RECIPIENT}\nlastmodified = {NOW}\nmac = {_mac()}\nversion = 3.12.2\n"
        "mac_only_encrypted = true\nshamir_threshold = 2\n"
    )
    file = sops_file(text.encode(), "a.ini")
    assert file.format == "ini"
    assert file.metadata.recipients[0].enc == "\n".join(armor)
    assert (file.metadata.scope.mac_only_encrypted, file.metadata.shamir_threshold) == (True, 2)
    assert [(leaf.path, leaf.aad) for leaf in file.leaves] == [(("s", "k"), "s:k:")]


def test_flattened_metadata_with_a_gap_are_refused() -> None:
    data = sealed("K=v\n", "dotenv").replace(b"list_0", b"list_1")
    assert [p.code for p in broken(data, "a.env").problems] == ["M1"]


# selection


@pytest.mark.parametrize(
    ("scope", "path", "selected"),
    [
        (Scope(unencrypted_suffix="_u"), ["a", "b_u", "c"], False),
        (Scope(unencrypted_suffix="_u"), ["a"], True),
        (Scope(encrypted_suffix="_e"), ["a_e", "b"], True),
        (Scope(encrypted_suffix="_e"), [], False),
        (Scope(encrypted_regex=r"^db\.password$"), ["db", "password"], False),
        (Scope(encrypted_regex="pass"), ["db", "my_password"], True),
        (Scope(encrypted_regex="(?i)PASS"), ["db", "password"], True),
        (Scope(encrypted_regex="^(?!user)"), ["password"], False),
        (Scope(unencrypted_regex="^(?!user)"), ["user"], True),
        (Scope(unencrypted_regex="^meta$"), ["meta", "x"], False),
    ],
)
def test_single_components_decide(scope: Scope, path: list[str], selected: bool) -> None:
    selection = Selection(scope)
    assert selection.selects(path) is selected
    assert bool(selection.invalid) == ("(?!" in str(scope.chosen()))


def test_active_comments_decide_for_what_follows() -> None:
    text = "# plain\na: 1\n# secret\n# more\nb:\n  c: 2\nd: 3 # secret too\n"
    keys = {leaf.key or leaf.text: leaf.selected for leaf in sops_file(sealed(text, scope=Scope(
        encrypted_comment_regex="secret"))).leaves}  # fmt: skip
    assert {key for key, selected in keys.items() if selected and key and not key.startswith("ENC[")} == {
        "b.c",
        "d",
    }
    assert sum(1 for key, selected in keys.items() if selected and key and key.startswith("ENC[")) == 1


# the reference data


@pytest.mark.shared
def test_files_of_real_repositories_are_read_as_they_are(shared: Path) -> None:
    seen = 0
    for truth in sorted(shared.glob("realworld/*/_truth.json")):
        for expected in json.loads(truth.read_text())["files"]:
            data = (truth.parent / expected["path"]).read_bytes()
            file = sops_file(data, expected["path"])
            meta = file.metadata
            scope: dict[str, object] = dict(meta.explicit_scope.chosen())
            if meta.scope.mac_only_encrypted:
                scope["mac_only_encrypted"] = True
            # comments among the elements of lists count as values there
            encrypted = [
                leaf for leaf in file.leaves if leaf.envelope and (leaf.in_list or not leaf.is_comment)
            ]
            clear = [leaf for leaf in file.leaves if not leaf.envelope and not leaf.is_comment]
            exposed = [leaf.key for leaf in clear if leaf.selected and not leaf.is_empty]
            assert {
                "format": file.format,
                "format_by_extension": file.format_by_name,
                "sops_version": meta.version,
                "lastmodified": meta.lastmodified,
                "recipients": sorted(recipient.key.label for recipient in meta.recipients),
                "key_groups": len(meta.groups),
                "shamir_threshold": meta.shamir_threshold or None,
                "encrypted_leaves": len(encrypted),
                "plaintext_allowed": sum(leaf.selected is False for leaf in clear),
                "plaintext_violations": exposed,
                "scope": scope,
                "documents": len(file.document.roots),
            } == {**{name: expected[name] for name in (
                "format", "format_by_extension", "sops_version", "lastmodified", "key_groups",
                "shamir_threshold",
                "encrypted_leaves", "plaintext_allowed", "plaintext_violations", "scope", "documents")},
                "recipients": sorted(expected["recipients"])}, expected["path"]  # fmt: skip
            assert {problem.code for problem in problems(file)} <= {"L12", "L14", "L17"}, expected["path"]
            seen += 1
    assert seen > 100


@pytest.mark.shared
def test_nothing_else_in_real_repositories_is_taken_for_a_sops_file(shared: Path) -> None:
    for truth in sorted(shared.glob("realworld/*/_truth.json")):
        ours = {expected["path"] for expected in json.loads(truth.read_text())["files"]}
        for folder, _, names in os.walk(truth.parent):
            for name in names:
                path = Path(folder, name)
                relative = path.relative_to(truth.parent).as_posix()
                if relative not in ours:
                    assert is_foreign(path.read_bytes(), relative), relative
