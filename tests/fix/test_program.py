"""What is not written here goes through the real program: in private, without a value on its command line."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from sopsguard.fix.plan import Draft
from sopsguard.fix.program import Program, find, or_by_program
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import CannotEdit, Set, edit, rotate
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities, Source, parse
from sopsguard.sops.masterkey import Key
from sopsguard.sops.masterkey import recipient as key_of
from sopsguard.sops.opening import Opened, open_file
from tests.conftest import Peer
from tests.throwaway import age_identity, password

WHEN = "2026-11-24T01:02:03Z"
PATH = "secrets/app.ini"


class Place:
    """An ini file that Ada and Bob read, and a sops that keeps a record of how it was called."""

    def __init__(self, folder: Path, sops: Path) -> None:
        self.folder, self.sops = folder, sops
        (self.identity, self.ada), (_, self.bob) = age_identity(), age_identity()
        self.value, self.new = password(30), password(30)
        self.key = folder / "ada.key"
        self.key.write_text(f"{self.identity}\n")
        self.config = f"creation_rules:\n  - path_regex: secrets/.*\n    age: {self.ada},{self.bob}\n"
        house = folder / "house"
        (house / "secrets").mkdir(parents=True)
        (house / ".sops.yaml").write_text(self.config)
        (house / PATH).write_text(f"[app]\npassword = {self.value}\nuser = ada\n")
        subprocess.run([sops, "encrypt", "-i", PATH], cwd=house, check=True, capture_output=True, timeout=60)
        self.data = (house / PATH).read_bytes()
        self.bin, self.log = folder / "bin", folder / "calls"
        self.bin.mkdir()
        self.shim(f'exec "{sops}" "$@"')

    def shim(self, then: str) -> None:
        program = self.bin / "sops"
        record = 'echo "$@"; ls -ld . | cut -c1-10; env; find . -type f; cat $(find . -type f)'
        program.write_text(f'#!/bin/sh\n{{ {record}; }} >> "{self.log}"\n{then}\n')
        program.chmod(0o755)

    @property
    def identities(self) -> Identities:
        return parse(self.identity.encode(), Source("text", "ada"))

    def draft(self, config: str | None = None, program: Program | None = None) -> Draft:
        files = {".sops.yaml": (config or self.config).encode(), PATH: self.data}
        return Draft(Snapshot.of(files), WHEN, program)

    @property
    def program(self) -> Program:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        found = find({**os.environ, "PATH": path}, [str(self.key)])
        assert found is not None
        return found

    def set_password(self, program: Program | None) -> bytes:
        changes = [Set(("app", "password"), self.new)]
        return or_by_program(
            self.draft(program=program),
            PATH,
            lambda: edit(self.data, PATH, changes, self.identities, WHEN),
            self.identities,
            changes=changes,
        )

    def values(self, data: bytes) -> dict[str, object]:
        file = read(data, PATH)
        assert isinstance(file, SopsFile)
        opened = open_file(file, self.identities)
        assert isinstance(opened, Opened)
        return {".".join(map(str, leaf.path)): leaf.value for leaf in opened.leaves if not leaf.comment}


@pytest.fixture
def place(tmp_path: Path, peer: Peer) -> Place:
    return Place(tmp_path, peer("sops"))


@pytest.mark.peer("sops")
def test_a_value_of_an_ini_file_is_set_through_the_program_and_shows_nowhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = place.folder / "private"
    private.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private))
    written = place.set_password(place.program)
    assert place.values(written) == {"app.password": place.new, "app.user": "ada"}
    log = place.log.read_text()
    assert "set --value-stdin" in log
    assert place.value not in log
    assert place.new not in log
    assert place.identity not in log
    assert "\ndrwx------\n" in log
    assert list(private.iterdir()) == [], "the private directory is gone"


@pytest.mark.peer("sops")
def test_somebody_is_taken_out_and_the_data_key_is_new(place: Place) -> None:
    config = place.config.replace(f",{place.bob}", "")
    left = [[key(place.ada)]]
    written = or_by_program(
        place.draft(config, place.program),
        PATH,
        lambda: rotate(place.data, PATH, place.identities, WHEN, left),
        place.identities,
        groups=left,
    )
    file = read(written, PATH)
    assert isinstance(file, SopsFile)
    assert [r.key.identity for r in file.metadata.recipients] == [place.ada]
    assert place.values(written) == place.values(place.data)
    assert opened(written, place).data_key != opened(place.data, place).data_key


@pytest.mark.peer("sops")
def test_a_rule_that_names_others_than_it_should_is_not_followed(place: Place) -> None:
    left = [[key(place.ada)]]
    with pytest.raises(CannotEdit, match="names other recipients"):
        or_by_program(
            place.draft(program=place.program),
            PATH,
            lambda: rotate(place.data, PATH, place.identities, WHEN, left),
            place.identities,
            groups=left,
        )


@pytest.mark.peer("sops")
def test_without_the_program_it_is_named_as_what_is_missing(place: Place) -> None:
    with pytest.raises(CannotEdit) as refused:
        place.set_password(None)
    assert any("the sops program" in need for need in refused.value.missing)
    assert find({"PATH": str(place.folder)}) is None


@pytest.mark.peer("sops")
@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("exit 3", "refuses it, too .exit code 3."),
        ("echo 'flag provided but not defined: -value-stdin' >&2; exit 1", "refuses it"),
        (f"echo garbage > {PATH}", "cannot be read"),
        (f"rm {PATH}", "cannot be used"),
        ("exit 0", "has other values"),
        (f"sed -i 's/^user.*//' {PATH}", "does not open|has other values|cannot be read"),
    ],
)
def test_a_program_that_does_not_do_it_changes_nothing(place: Place, then: str, reason: str) -> None:
    place.shim(then)
    with pytest.raises(CannotEdit, match=reason) as refused:
        place.set_password(place.program)
    assert place.new not in str(refused.value)


@pytest.mark.peer("sops")
@pytest.mark.skipif(shutil.which("gpg") is None, reason="needs gpg")
def test_a_file_with_an_openpgp_recipient_is_rotated_with_the_program(place: Place, tmp_path: Path) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=stat.S_IRWXU)
    env = {**os.environ, "GNUPGHOME": str(home)}
    make = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "ada@example.org", "default", "default"]
    subprocess.run(make, env=env, check=True, capture_output=True, timeout=120)
    listed = subprocess.run(
        ["gpg", "--batch", "--with-colons", "-K"], env=env, check=True, capture_output=True, timeout=60
    ).stdout.decode()
    pgp = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    config = f"creation_rules:\n  - age: {place.ada}\n    pgp: {pgp}\n"
    house = tmp_path / "pgp"
    house.mkdir()
    (house / ".sops.yaml").write_text(config)
    (house / "a.yaml").write_text("password: something-to-keep\n")
    subprocess.run([place.sops, "encrypt", "-i", "a.yaml"], cwd=house, env=env, check=True, timeout=60)
    data = (house / "a.yaml").read_bytes()
    files = {".sops.yaml": config.encode(), "a.yaml": data}
    program = find({**env, "PATH": f"{place.bin}{os.pathsep}{os.environ['PATH']}"}, [str(place.key)])
    groups = [[key(place.ada), key(pgp)]]
    try:
        written = or_by_program(
            Draft(Snapshot.of(files), WHEN, program),
            "a.yaml",
            lambda: rotate(data, "a.yaml", place.identities, WHEN, groups),
            place.identities,
            groups=groups,
        )
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=env, check=False, timeout=60)
    (house / "a.yaml").write_bytes(written)
    only_pgp = {**env, "SOPS_AGE_KEY_FILE": ""}
    done = subprocess.run(
        [place.sops, "decrypt", "a.yaml"],
        cwd=house,
        env=only_pgp,
        capture_output=True,
        check=False,
        timeout=60,
    )
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=env, check=False, timeout=60)
    assert done.stdout == b"password: something-to-keep\n", done.stderr


def key(text: str) -> Key:
    found = key_of(text)
    assert found is not None
    return found


def opened(data: bytes, place: Place) -> Opened:
    file = read(data, PATH)
    assert isinstance(file, SopsFile)
    found = open_file(file, place.identities)
    assert isinstance(found, Opened)
    return found
