"""The settings with which a repository begins: policy, hooks, workflow, what git ignores."""

from collections.abc import Iterator

from sopsguard.context import Context
from sopsguard.fix import entries
from sopsguard.fix.plan import Draft
from sopsguard.model import UserError
from sopsguard.policy import FILE as POLICY
from sopsguard.sops.file import SopsFile
from sopsguard.structure.files import GUIDE
from sopsguard.structure.hosts import MARKS
from sopsguard.structure.judgement import judge
from sopsguard.structure.shadow import Object

HOOKS = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/sopsguard.yml"
# What decrypts leave behind, and where keys lie about.
IGNORED = ("*.dec.yaml", "*.dec.json", "*.decrypted.*", "keys.txt", "*.agekey", "/result")
_ENTRY = (
    "- repo: local",
    "  hooks:",
    "    - id: sopsguard",
    "      name: sopsguard",
    "      entry: sopsguard hook",
    "      language: system",
    "      always_run: true",
    "      pass_filenames: false",
    "      require_serial: true",
    "      stages: [pre-commit, pre-merge-commit, pre-push, manual]",
)
_JOB = """\
name: sopsguard
on:
  push:
  pull_request:
permissions:
  contents: read
jobs:
  sopsguard:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0  # hand edits and ages come from history
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pipx install "$SOPSGUARD"
        env:
          SOPSGUARD: ${{ vars.SOPSGUARD }}  # git+https://…/sopsguard@COMMIT
      - run: sopsguard ci
"""


def policy(draft: Draft, families: tuple[str, ...], schemas: tuple[str, ...]) -> None:
    """Begin `.sopsguard.yaml`; `schemas` are the globs of files with the tree of the guide."""
    if draft.read(POLICY) is not None:
        return
    lines = [
        "# The settings of sopsguard; `sopsguard explain` lists the rules.",
        "version: 1",
        f"require: [{', '.join(families)}]",
    ]
    if schemas:
        lines += ["schemas:", *(f"  {_glob(glob)}: {GUIDE}" for glob in schemas)]
    draft.write(POLICY, "".join(f"{line}\n" for line in lines).encode())
    draft.did(f"begin the settings: {POLICY}", POLICY)


def _glob(text: str) -> str:
    return f'"{text}"' if text.startswith("*") else text


def hooks(draft: Draft) -> None:
    """Name the hook in `.pre-commit-config.yaml`."""
    data = draft.read(HOOKS)
    if data is None:
        text = "repos:\n" + "".join(f"  {line}\n" for line in _ENTRY)
    elif b"sopsguard" in data:
        return
    else:
        try:
            text = entries.with_entry(data.decode(), ("repos",), _ENTRY)
        except (UserError, UnicodeDecodeError):
            draft.ask(f"add the hook to {HOOKS}, under `repos`", *_ENTRY)
            return
    draft.write(HOOKS, text.encode())
    draft.did(f"run sopsguard before every commit: {HOOKS}", HOOKS)
    draft.ask("install the hooks, in each clone", "pre-commit install")


def workflow(draft: Draft) -> None:
    """Begin the workflow of GitHub, where the repository has workflows."""
    paths = draft.snapshot.paths()
    there = [p for p in paths if p.startswith(".github/workflows/")]
    if not any(p.startswith(".github/") for p in paths):
        return
    if any(b"sopsguard" in (draft.read(path) or b"") for path in there):
        return
    draft.write(WORKFLOW, _JOB.encode())
    draft.did(f"judge every change in GitHub: {WORKFLOW}", WORKFLOW)
    draft.ask(
        "say where sopsguard is installed from, with the commit that you trust, in the repository variable "
        "SOPSGUARD",
        "gh variable set SOPSGUARD --body git+https://ADDRESS/sopsguard@COMMIT",
    )
    draft.ask("make the job `sopsguard` a required check of the branch that you protect")


def ignored(draft: Draft) -> None:
    """Keep what decrypts leave behind out of git."""
    old = draft.read(".gitignore") or b""
    missing = [line for line in IGNORED if line.encode() not in old.splitlines()]
    if old or not missing:
        have = {line.strip().lstrip(b"/") for line in old.splitlines()}
        missing = [line for line in missing if line.lstrip("/").encode() not in have]
    if not missing:
        return
    head = old if not old or old.endswith(b"\n") else old + b"\n"
    draft.write(".gitignore", head + "".join(f"{line}\n" for line in missing).encode())
    draft.did("keep decrypted files and keys out of git", ".gitignore")


def config(draft: Draft, ctx: Context) -> None:
    """All of it for a repository that is there, from what is found in it."""
    families = ["plaintext"]
    if any(isinstance(f, SopsFile) for f in ctx.managed.files.values()):
        families += ["schema", "recipients"]
    policy(draft, tuple(families), tuple(_globs(ctx)))
    hooks(draft)
    workflow(draft)
    ignored(draft)


def _globs(ctx: Context) -> Iterator[str]:
    """Globs for the files that have the tree of the guide and fit it."""
    schema = ctx.structure.load(GUIDE)
    fit: set[str] = set()
    others: set[str] = set()
    for path, documents in ctx.structure.documents.items():
        like = [d for d in documents if isinstance(d, Object) and any(k in d.entries for k in MARKS)]
        faultless = not any(judge(schema, document).faults for document in documents)
        (fit if like and faultless else others).add(path)
    folders = {path.partition("/")[0] for path in fit if "/" in path}
    for folder in sorted(folders):
        below = [path for path in others if path.startswith(f"{folder}/")]
        mistaken = [
            path for path in below if any(judge(schema, d).faults for d in ctx.structure.documents[path])
        ]
        if mistaken:
            yield from sorted(path for path in fit if path.startswith(f"{folder}/"))
        else:
            yield f"{folder}/**"
    yield from sorted(path for path in fit if "/" not in path)
