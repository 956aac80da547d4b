"""A forge for tests: a bare repository that makes merge refs, and runners that clone it as checkout does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.gitrepo import Repo
from tests.sopsguard_command import Said, sopsguard

ZERO = "0" * 40


class Forge:
    """`origin` is what the forge holds, `work` a clone in which people commit."""

    def __init__(self, folder: Path, files: Mapping[str, str | bytes] | None = None) -> None:
        self.folder = folder
        self.origin = Repo.init(folder / "origin.git", bare=True)
        self.work = Repo.init(folder / "work")
        self.work.git("remote", "add", "origin", str(self.origin.root))
        self.work.commit({"README.md": "# infrastructure\n", **(files or {})}, "begin")
        self.push("main")
        self._runs = 0

    def push(self, *refs: str) -> None:
        self.work.git("push", "-q", "-f", "origin", *refs)

    def tip(self, rev: str = "HEAD") -> str:
        return self.work.git("rev-parse", f"{rev}^{{commit}}")

    def branch(self, name: str, files: Mapping[str, str | bytes], *, at: str = "main") -> str:
        """A branch with one commit, pushed; returns its tip."""
        self.work.git("checkout", "-q", "-B", name, at)
        tip = self.work.commit(files, f"change on {name}")
        self.push(name)
        return tip

    # --- what a runner is given ---------------------------------------------------------------------

    def pull_request(self, head: str, *, base: str = "main", number: int = 7) -> tuple[str, dict[str, Any]]:
        """The merge ref of a pull request and its event; `head` is an id that a branch has pushed."""
        self.origin.git("update-ref", f"refs/pull/{number}/head", head)
        onto = self.origin.git("rev-parse", f"refs/heads/{base}")
        tree = self.origin.run("merge-tree", "--write-tree", onto, head).stdout.decode().split("\n")[0]
        merge = self.origin.git(
            "commit-tree", tree, "-p", onto, "-p", head, "-m", f"Merge {head} into {onto}"
        )
        self.origin.git("update-ref", f"refs/pull/{number}/merge", merge)
        event = {
            "action": "synchronize",
            "number": number,
            "pull_request": {
                "number": number,
                "head": {"ref": "feature", "sha": head, "repo": {"full_name": "somebody/fork"}},
                "base": {"ref": base, "sha": onto, "repo": {"full_name": "acme/infra"}},
            },
            "repository": {"full_name": "acme/infra", "default_branch": "main"},
        }
        return merge, event

    def clone(self, ref: str, *, depth: int = 0) -> Repo:
        """A clone as actions/checkout makes it: with depth 0 all branches and tags, else one ref."""
        self._runs += 1
        made = Repo.init(self.folder / f"run{self._runs}")
        made.git("remote", "add", "origin", f"file://{self.origin.root}")
        if depth:
            made.git(
                "fetch", "-q", "--no-tags", f"--depth={depth}", "origin", f"+{ref}:refs/remotes/checked/out"
            )
        else:
            made.git(
                *("fetch", "-q", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*"),
                *("+refs/tags/*:refs/tags/*", f"+{ref}:refs/remotes/checked/out"),
            )
        made.git("checkout", "-q", "--detach", "refs/remotes/checked/out")
        return made


def run(
    clone: Repo,
    name: str,
    event: object,
    *arguments: str,
    env: Mapping[str, str] | None = None,
) -> Said:
    """`sopsguard ci` in a clone, as a runner starts it."""
    file = clone.root.parent / f"{clone.root.name}-event.json"
    file.write_text(event if isinstance(event, str) else json.dumps(event))
    given = {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file), **(env or {})}
    return sopsguard(clone.root, "ci", *arguments, env=given)


def push_event(ref: str, before: str, after: str) -> dict[str, Any]:
    """The event of a push."""
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "repository": {"full_name": "acme/infra", "default_branch": "main"},
    }
