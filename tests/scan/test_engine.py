"""The scan as a whole: every place, every encoding, one answer, and never a secret in what it prints."""

import base64
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import age, ssh, wireguard
from sopsguard.model import Confidence
from sopsguard.scan import Hit, Scanner, nixfile
from sopsguard.scan.patterns import ALL
from sopsguard.scan.prefilter import Prefilter
from sopsguard.scan.versions import changed
from sopsguard.scan.yamlkey import keys_of

SCANNER = Scanner()
BULK = Scanner(bulk=True)
BULK.scan(bytes(500_000), "x")  # so that the engine is worth its start
PREFILTER = Prefilter([word.encode() for pattern in ALL for word in pattern.keywords])

IDENTITY = age.generate_identity()
SSH = ssh.generate_host_key()
WIREGUARD = wireguard.generate()
CIPHERTEXT = (
    "ENC[AES256_GCM,data:QUdFLVNFQ1JFVC1LRVktMQ==,iv:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,"
    "tag:MDEyMzQ1Njc4OTAxMjM0NQ==,type:str]"
)


def only(text: str | bytes, path: str = "notes.txt") -> Hit:
    """The one hit in a text."""
    data = text.encode() if isinstance(text, str) else text
    hits = SCANNER.hits(data, path)
    assert len(hits) == 1, hits
    return hits[0]


def kinds(text: str | bytes, path: str = "notes.txt") -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [hit.kind for hit in SCANNER.hits(data, path)]


def test_a_hit_slices_back_to_the_secret_and_knows_the_public_half() -> None:
    data = f"# key of the laptop\nkey: {IDENTITY.secret}\n".encode()
    hit = only(data)
    assert data[hit.start : hit.end] == hit.secret == IDENTITY.secret.encode()
    assert (hit.rule, hit.kind, hit.confidence) == (
        "plaintext-private-key",
        "age-identity",
        Confidence.PROVED,
    )
    assert hit.public == (IDENTITY.public,)


def test_the_repr_of_a_hit_and_of_a_result_hides_the_secret() -> None:
    result = SCANNER.scan(f"{IDENTITY.secret}\n{SSH.private}\n".encode(), "x")
    assert len(result.hits) == 2
    for shown in (repr(result), str(result.hits), f"{result.hits[0]}"):
        assert IDENTITY.secret not in shown
        assert SSH.private.splitlines()[2] not in shown


def test_the_wrong_checksum_lowers_confidence_and_does_not_hide() -> None:
    broken = IDENTITY.secret[:-1] + ("Q" if IDENTITY.secret[-1] != "Q" else "P")
    assert only(broken).confidence is Confidence.POSSIBLE


def test_a_token_among_many_lines_is_found_at_its_place() -> None:
    text = "a line\n" * 500 + f"export K={IDENTITY.secret}\n" + "a line\n" * 500
    hit = only(text)
    assert text[hit.start : hit.end] == IDENTITY.secret


def test_the_same_kind_of_secret_twice_is_two_hits() -> None:
    other = age.generate_identity()
    assert kinds(f"{IDENTITY.secret} {other.secret}") == ["age-identity", "age-identity"]


def test_ciphertext_of_sops_is_no_secret_and_the_clear_leaf_beside_it_is_one() -> None:
    clean = f"password: {CIPHERTEXT}\nwireguard:\n    private_key: {CIPHERTEXT}\n"
    assert kinds(clean, "secrets.yaml") == []
    assert kinds(f"{clean}host: {IDENTITY.secret}\n", "secrets.yaml") == ["age-identity"]


def test_what_only_resembles_ciphertext_hides_nothing() -> None:
    assert kinds(f"a: ENC[AES256_GCM,data:{IDENTITY.secret},iv:x,tag:y,type:str]") == ["age-identity"]


@pytest.mark.parametrize(
    "text",
    [
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        "AGE-SECRET-KEY-1...",
        "AGE-SECRET-KEY-1" + "X" * 58,
        "AGE-SECRET-KEY-1<your key>",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n...\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B…\n-----END PRIVATE KEY-----",
        '"narHash": "sha256-K5eJHmL1/kev6WuqyqqbS1cdNnSidIZ3jeqJ7GbrYnQ="',
        'hash = "sha256:0v6bd1xk8a2aal83karlvc853x44dg1n4nk08jg3dajqyy0s98np";',
        "uuid: 123e4567-e89b-12d3-a456-426614174000",
        'publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";',
        "trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
        "module v1.2.3 h1:K5eJHmL1/kev6WuqyqqbS1cdNnSidIZ3jeqJ7GbrYnQ=",
        "iv: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        'passwordFile = config.sops.secrets."restic".path;',
        "{{ .Values.password }}",
    ],
)
def test_the_harmless_is_left_alone(text: str) -> None:
    assert [hit for hit in SCANNER.hits(text.encode(), "a.nix") if hit.confidence != "possible"] == []


def test_public_keys_of_ssh_and_wireguard_are_left_alone() -> None:
    assert kinds(SSH.public, "host.pub") == []
    assert kinds(f"[Peer]\nPublicKey = {WIREGUARD.public}\nAllowedIPs = 10.0.0.0/24\n", "wg0.conf") == []


def test_the_path_through_layers_is_told_and_the_span_is_that_of_the_outermost() -> None:
    inner = base64.b64encode(gzip.compress(IDENTITY.secret.encode()))
    data = b"blob: " + inner + b"\n"
    hit = only(data)
    assert hit.layers == ("base64", "gzip")
    assert data[hit.start : hit.end].rstrip(b"=\n") == inner.rstrip(b"=")


def test_layers_deeper_than_the_bound_are_not_opened() -> None:
    data = IDENTITY.secret.encode()
    for _ in range(3):
        data = base64.b64encode(data)
    assert kinds(data) == ["age-identity"]
    assert kinds(base64.b64encode(data)) == []


def test_too_much_inside_encodings_is_said_aloud() -> None:
    bomb = gzip.compress(bytes(20 << 20))
    result = SCANNER.scan(bomb, "x.gz")
    assert [problem.reason for problem in result.unknown] == ["more than 16 MiB of gzip data"]


def test_no_path_is_skipped() -> None:
    for path in (
        "go.sum",
        "poetry.lock",
        "node_modules/x.js",
        "a.svg",
        "a.png",
        "fonts/x.ttf",
        ".gitleaks.toml",
    ):
        assert kinds(f"k={IDENTITY.secret}\n", path) == ["age-identity"]


def test_binary_data_around_a_key_does_not_hide_it() -> None:
    assert kinds(bytes(range(256)) * 8 + IDENTITY.secret.encode() + bytes(300), "x.bin") == ["age-identity"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("wireguard:\n  host:\n    private: {}\n", "wireguard.host.private"),
        ("a: b\n'odd key':\n- name: x\n  token: {}\n", "odd key.token"),
        ("files:\n  key.txt: |\n    # created\n\n    {}\nother: x\n", "files.key.txt"),
        ("a:\n  b: c\n---\nd: {}\n", "d"),
        ("- {}\n", ""),
        ("# note: {}\n", ""),
    ],
)
def test_in_yaml_the_key_is_told(text: str, key: str) -> None:
    assert only(text.format(IDENTITY.secret), "a.yaml").key == key


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_place_of_any_bytes_has_a_key_or_none(data: bytes, offsets: list[int]) -> None:
    places = sorted(min(offset, len(data)) for offset in offsets)
    assert len(keys_of(data, places)) == len(places)


def test_many_hits_in_one_file_cost_no_more_than_each_alone() -> None:
    lines = [f"- {age.generate_identity().secret[:-1]}q\n" for _ in range(300)]
    assert len(kinds("keys:\n" + "".join(lines), "a.yaml")) == 300


def test_nix_joins_literals_and_names_the_option() -> None:
    half = len(IDENTITY.secret) // 2
    text = f'{{ age.key = "{IDENTITY.secret[:half]}" + "{IDENTITY.secret[half:]}"; }}'
    hit = only(text, "host.nix")
    assert (hit.kind, hit.key, hit.layers) == ("age-identity", "age.key", ("joined literals",))


def test_a_weak_word_in_a_password_option_of_nix_is_a_password() -> None:
    hit = only('{ users.users.alice.initialPassword = "hunter2"; }', "host.nix")
    assert (hit.rule, hit.key) == ("plaintext-password", "users.users.alice.initialPassword")


def test_nix_names_the_option_of_a_wireguard_key() -> None:
    text = f'{{ networking.wireguard.interfaces.wg0.privateKey = "{WIREGUARD.private}"; }}'
    hit = only(text, "host.nix")
    assert (hit.kind, hit.key) == ("wireguard-private-key", "networking.wireguard.interfaces.wg0.privateKey")
    assert hit.public == (WIREGUARD.public,)


@pytest.mark.parametrize(
    "text",
    [
        '{ services.a.passwordFile = config.sops.secrets."a/password".path; }',
        '{ sops.secrets."wireguard/private_key" = { owner = "root"; }; }',
        "{ sops.secrets.token = {}; users.users.a.password = null; }",
        "{ password = mkOption { type = types.str; }; enableTokens = true; }",
        '{ psk = "${config.sops.placeholder.psk}"; key = cfg.privateKey; }',
    ],
)
def test_nix_that_only_refers_to_secrets_is_not_parsed(text: str) -> None:
    assert not nixfile.is_worth_parsing(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{ a.password = "x"; }',
        "{ a.password = 1234; }",
        '{ a.password = lib.mkForce "x"; }',
        "{ a.password = pw; }",
        '{ a.tokens = [ "x" ]; }',
        '{ environment.etc."restic-password" = { text = "x"; }; }',
        '{ x.basicAuth = { alice = "x"; }; }',
        '{ x = "https://alice:pw@example.org"; }',
        '{ cmd = "serve --password x"; }',
        '{ x = pkgs.writeText "password" "x"; }',
        '{ x = "AGE-" + "SECRET-KEY-1"; }',
        '{ password ? "x" }: password',
        "x = ''\n  RESTIC_PASSWORD=x\n'';",
        '{ serviceConfig.privateKey = "x"; api_key = "y"; }',
    ],
)
def test_nix_that_may_hold_one_is_parsed(text: str) -> None:
    assert nixfile.is_worth_parsing(text.encode())


def test_below_a_parse_error_nix_is_unknown_and_keys_are_found_still() -> None:
    result = SCANNER.scan(f'{{ a = [ ; password = "x"; k = "{IDENTITY.secret}"; '.encode(), "broken.nix")
    assert "age-identity" in [hit.kind for hit in result.hits]
    assert any("parse error" in problem.reason for problem in result.unknown)


@pytest.mark.parametrize(
    "name", ["secrets.dec.yaml", "secrets.yaml.dec", "a/db.decrypted.json", "x.decrypted~yaml"]
)
def test_a_decrypted_copy_is_a_left_over_by_name_and_content(name: str) -> None:
    expected = [] if name.endswith("~yaml") else ["decrypted-leftover"]
    assert kinds('{"user": "alice"}\n', name) == expected
    assert kinds("", name) == []
    assert kinds(f'{{"user": "{CIPHERTEXT}"}}', name) == []


@pytest.mark.parametrize(
    "name", [".secrets.yaml.swp", "secrets/#db.yaml#", "secrets/db.yaml~", "secrets/db.yaml.orig"]
)
def test_copies_that_editors_leave_of_secrets_files_are_left_overs(name: str) -> None:
    assert kinds("user: alice\n", name) == ["decrypted-leftover"]
    assert kinds("user: alice\n", name.replace("secrets", "values")) == []


@given(st.binary(max_size=2000), st.sampled_from(["x", "a.nix", "s.yaml", "s.dec.yaml"]))
def test_any_bytes_have_an_answer_with_spans_inside_them(data: bytes, path: str) -> None:
    result = SCANNER.scan(data, path)
    assert result == SCANNER.scan(data, path)
    for hit in result.hits:
        assert 0 <= hit.start <= hit.end <= len(data)


WORDS = [
    IDENTITY.secret,
    SSH.private,
    WIREGUARD.private,
    f"PrivateKey = {WIREGUARD.private}",
    "password: hunter2-9xQ",
    "kind: Secret\ndata:\n  a: UyFCXCpkJHpEc2I9\n",
    base64.b64encode(IDENTITY.secret.encode()).decode(),
    SSH.private.replace("\n", "\\n"),
    CIPHERTEXT,
    "token = ",
    "AGE-SECRET-KEY-1",
    "\n",
    "\n---\n",
    '"',
    "  ",
    "%2D%2D%2D",
]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=20)), max_size=12).map("".join))
def test_the_engine_and_the_pure_path_give_identical_answers(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    assert SCANNER.scan(data, "x.yaml") == BULK.scan(data, "x.yaml")


@given(st.binary(max_size=500), st.lists(st.sampled_from([p.keywords[0] for p in ALL]), max_size=6))
def test_both_prefilters_find_the_same_places(noise: bytes, words: list[str]) -> None:
    data = noise.join(word.upper().encode() for word in words) + noise
    engine, pure = PREFILTER.find(data, bulk=True), PREFILTER.find(data)
    assert {i: list(at) for i, at in engine.items()} == {i: list(at) for i, at in pure.items()}


def test_the_position_in_a_large_text_does_not_matter() -> None:
    for size in (10, 299_990, 400_000):
        text = "x = 1\n" * (size // 6) + f"key: {IDENTITY.secret}\n"
        hit = only(text)
        assert text[hit.start : hit.end] == IDENTITY.secret


@pytest.mark.shared("cases")
def test_the_engine_agrees_with_the_pure_path_on_the_public_cases(shared: Path) -> None:
    for line in (shared / "cases" / "plaintext.jsonl").read_text().splitlines():
        row = json.loads(line)
        data, path = row["text"].encode("utf-8", "surrogatepass"), row.get("path") or "x"
        assert SCANNER.scan(data, path) == BULK.scan(data, path), row["rule"]


@pytest.mark.shared("realworld")
def test_real_repositories_have_no_error(shared: Path) -> None:
    for file in (shared / "realworld").rglob("*"):
        if file.is_file():
            path = file.relative_to(shared / "realworld").as_posix()
            hits = BULK.hits(file.read_bytes(), path)
            assert [hit for hit in hits if hit.confidence is not Confidence.POSSIBLE] == [], path


def test_a_history_reports_a_secret_in_the_version_that_brings_it() -> None:
    scanner = Scanner(bulk=True, history=True)
    filler = "".join(f"value{n} = {n * 7919}\n" for n in range(400))
    versions = [
        filler,
        f"{filler}key = {IDENTITY.secret}\n",
        f"# a header\n{filler}key = {IDENTITY.secret}\n",
        f"# a header\n{filler}key = {IDENTITY.secret}\n{SSH.private}",
    ]
    found = [[hit.kind for hit in scanner.hits(text.encode(), "a.txt")] for text in versions]
    assert found == [[], ["age-identity"], [], ["ssh-private-key"]]


def test_a_key_pasted_between_lines_that_stood_there_is_new() -> None:
    scanner = Scanner(history=True)
    begin, *body, end = SSH.private.splitlines(keepends=True)
    filler = "text of the manual\n" * 300
    assert scanner.hits(f"{filler}{begin}{end}{filler}".encode(), "doc.md") == []
    (hit,) = scanner.hits(f"{filler}{begin}{''.join(body)}{end}{filler}".encode(), "doc.md")
    assert hit.kind == "ssh-private-key"


def test_the_versions_of_different_paths_are_not_compared() -> None:
    scanner = Scanner(history=True)
    data = f"key = {IDENTITY.secret}\n".encode()
    assert [len(scanner.hits(data, path)) for path in ("a", "b", "a")] == [1, 1, 0]


LINES = st.lists(
    st.sampled_from(["a", "b", "token = 1", "", f"k = {IDENTITY.secret}", "x" * 700]), max_size=30
)


@given(LINES, LINES)
def test_every_line_that_is_new_lies_in_a_changed_region(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old).encode(), "\n".join(new).encode()
    regions = changed(before, after)
    covered = b"\n".join(after[start:end] for start, end in regions)
    for line in set(new) - set(old):
        assert line.encode() in covered
    assert all(0 <= start <= end <= len(after) for start, end in regions)
    assert before != after or regions == []


@given(st.lists(LINES, min_size=1, max_size=5))
def test_over_all_versions_a_history_finds_what_single_scans_find(versions: list[list[str]]) -> None:
    scanner = Scanner(history=True)
    texts = ["\n".join(lines).encode() for lines in versions]
    found = {(hit.kind, hit.secret) for text in texts for hit in scanner.hits(text, "a")}
    assert found == {(hit.kind, hit.secret) for text in texts for hit in SCANNER.hits(text, "a")}


def test_objects_in_objects_cost_no_more_than_their_length() -> None:
    """Each `data` of a Secret goes on into what it holds; read from every beginning it would take minutes."""
    from time import process_time

    data = b'{"kind": "Secret", "data": {"a": "5GzBdPDl1UZbUEWoyUO7wsae", ' * 1000
    started = process_time()
    hits = SCANNER.hits(data, "a.json")
    assert len(hits) == 1000
    assert process_time() - started < 5


@pytest.mark.parametrize("scanner", [SCANNER, BULK])
def test_a_stretch_of_one_character_is_one_place_to_look_at(scanner: Scanner) -> None:
    """Binary data written as text is A for megabytes, and a keyword of twenty would stand at each of them."""
    from time import process_time

    token = "A" * 21 + "MLheK0%2BuSeidJ6TfbXgWqYz3nC8vRkQpLx5dGh1NsEo7BtUyIa%3DZw4VfMjHc2"
    data = ("A" * 3_000_000 + f"\n{token}\n" + "A" * 3_000_000).encode()
    started = process_time()
    assert [(hit.kind, hit.start) for hit in scanner.hits(data, "a.txt")] == [
        ("twitter-bearer-token", 3_000_001)
    ]
    assert process_time() - started < 3
