"""Thousands of commits: every value is followed in little memory. How long it takes is a benchmark."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gitrepo import Repo
from tests.history.lives import Doc, Ours, copied, people

COMMITS, FILES = 2000, 40

# What a command does with the history, and the most memory that the process ever had, in KiB: of itself, not
# what it inherited from whoever started it, which `getrusage` counts.
ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from sopsguard import git, hooks
from sopsguard.cache import Cache
from sopsguard.history import FORM, Readers, Timeline, exposures
past = hooks.revision(git.discover(sys.argv[2]), "HEAD").past
timeline = Timeline(past, 1_800_000_000, Cache(sys.argv[3], FORM))
print(len(timeline.moments), len(timeline.values), len(exposures(timeline)), len(Readers(timeline).files))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def history(where: Path) -> Repo:
    """Half of the commits change a secrets file, half something else."""
    chance, sops = random.Random(1), Ours()
    stream: list[bytes] = []

    def commit(number: int, files: dict[str, bytes]) -> None:
        when = b"Ada <ada@example.org> %d +0000" % (1_600_000_000 + number * 40_000)
        stream.append(b"commit refs/heads/main\nauthor %b\ncommitter %b\ndata 1\nx\n" % (when, when))
        for path, data in files.items():
            stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(data), data))

    def word() -> str:
        return f"v{chance.getrandbits(48):012x}"

    def doc() -> Doc:
        return {f"key{n}": word() for n in range(6)} | {"db": {f"key{n}": word() for n in range(6)}}

    made: dict[str, tuple[bytes, Doc]] = {}
    for n in range(FILES):
        plain = doc()
        readers = tuple(chance.sample(people()[0], 3))
        made[f"hosts/h{n}/secrets.yaml"] = sops.encrypt(plain, (readers,)), plain
    commit(0, {path: data for path, (data, _) in made.items()})
    for number in range(1, COMMITS):
        if number % 2:
            commit(number, {f"m{chance.randrange(100)}.nix": b"{ x = %d; }\n" % number * 20})
            continue
        path = chance.choice(list(made))
        data, plain = made[path]
        if (how := chance.random()) < 0.7:
            new = copied(plain)
            new[f"key{chance.randrange(6)}"] = word()
            made[path] = sops.write(data, plain, new), new
        elif how < 0.85:
            made[path] = sops.rotate(data), plain
        else:
            made[path] = sops.updatekeys(data, (tuple(chance.sample(people()[0], 3)),)), plain
        commit(number, {path: made[path][0]})
    repo = Repo.init(where)
    repo.git("fast-import", "--quiet", input=b"".join(stream))
    return repo


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the memory so")
def test_two_thousand_commits_of_forty_files(tmp_path: Path) -> None:
    repo = history(tmp_path / "repo")
    ask = (sys.executable, "-c", ASK, str(ROOT), str(repo.root), str(tmp_path / "cache"))
    for _ in ("first", "cached"):
        said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        numbers, memory = said.splitlines()
        assert numbers.split()[:2] == [str(COMMITS), str(FILES * 12)]
        assert int(memory) <= 200 << 10
