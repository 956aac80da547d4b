"""What an event of GitHub (or Gitea, Forgejo) asks for, as far as it can be told without the repository.

Pure. Everything in an event is data: ids are full hexadecimal ones, names of branches are only ever compared
with names that git lists. What the runner says in the environment and what the event file says have to agree,
because a step before this one can write the file, but not the environment of the runner. References:
`docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows` and
`docs.github.com/webhooks/webhook-events-and-payloads`.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sopsguard.model import UserError, printable

_ID = re.compile("[0-9a-f]{40}([0-9a-f]{24})?")
_BRANCH, _TAG = "refs/heads/", "refs/tags/"


class Proposed(NamedTuple):
    """Commits that ask to get in: judged is what `head` has and the trusted branch `onto` has not.

    `asked` is the branch that the event names, where it is not trusted and `onto` stands in for it.
    `tag` names a pushed tag; `merge` is the commit that the runner calls its own, by which the forge has
    merged the head for a trial. `known` are further trusted branches whose commits are not judged again.
    """

    head: str
    onto: str
    asked: str = ""
    tag: str = ""
    merge: str = ""
    known: tuple[str, ...] = ()


class Pushed(NamedTuple):
    """A trusted branch moved from one tip to another: judged by what the old one says."""

    old: str
    new: str
    branch: str


class Founded(NamedTuple):
    """The default branch itself is new: there is nothing before it, so it is believed itself."""

    head: str
    branch: str


class Audit(NamedTuple):
    """The whole tree of a commit, by what the tip of a trusted branch says; `scheduled`: nobody asked."""

    head: str
    onto: str
    scheduled: bool


class Nothing(NamedTuple):
    """There is nothing to judge, and why."""

    why: str


Order = Proposed | Pushed | Founded | Audit | Nothing


def order(name: str, event: object, environment: Mapping[str, str], protected: Collection[str] = ()) -> Order:
    """What the event `name` with the parsed JSON `event` asks for.

    `environment` holds the variables of the runner (`GITHUB_SHA`, `GITHUB_REF`, `GITHUB_BASE_REF`), as far as
    there are any. `protected` are branches that are trusted besides the default branch. Raises `UserError`
    for an event that is none, contradicts the runner, or cannot be judged safely.
    """
    read = _READERS.get(name)
    if read is None:
        raise UserError(
            f"the event {printable(name)!r} cannot be judged",
            _REFUSED.get(name, f"it goes with {', '.join(_READERS)}; elsewhere give --base and --head"),
        )
    return read(_Event(name, event, environment, tuple(protected)))


_REFUSED = {
    "pull_request_target": "it runs with secrets and a token that writes, and its HEAD is not the pull"
    " request: use pull_request",
    "workflow_run": "it runs with secrets after a change has run: use pull_request",
}


class _Event:
    """Strict access to an event; whatever is not as documented is a `UserError`."""

    def __init__(
        self, name: str, event: object, environment: Mapping[str, str], protected: tuple[str, ...]
    ) -> None:
        self.name = name
        self._event = event
        self._environment = environment
        self._protected = protected

    def get(self, path: str) -> Any:
        """The value at a dotted path, None where there is none."""
        found = self._event
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def text(self, path: str) -> str:
        found = self.get(path)
        if not isinstance(found, str) or not found:
            raise self.wrong(f"has no {path}")
        return found

    def oid(self, path: str) -> str:
        """A full id of an object."""
        found = self.text(path)
        if not _ID.fullmatch(found):
            raise self.wrong(f"has no id as {path}")
        return found

    @property
    def default(self) -> str:
        """The default branch of the repository that runs this."""
        return self.text("repository.default_branch")

    @property
    def trusted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.default, *self._protected)))

    def runner(self, name: str) -> str:
        return self._environment.get(name) or ""

    def agree(self, variable: str, *expected: str) -> None:
        """Refuse an event that says something else than the runner."""
        said = self.runner(variable)
        if said and said not in expected:
            raise self.wrong(f"contradicts {variable}")

    def wrong(self, what: str) -> UserError:
        return UserError(
            f"the event file of {printable(self.name)} {what}",
            "was it written by GitHub for this run? run sopsguard in a job of its own",
        )

    def proposed(self, head: str, branch: str, **more: Any) -> Proposed:
        """By the branch that it goes to, if that is trusted; else by the default branch."""
        if branch in self.trusted:
            return Proposed(head, branch, **more)
        return Proposed(head, self.default, asked=branch, **more)


def _pull_request(event: _Event) -> Order:
    head, base = event.oid("pull_request.head.sha"), event.text("pull_request.base.ref")
    number = event.get("number")
    if not isinstance(number, int) or isinstance(number, bool):
        raise event.wrong("has no number")
    event.agree("GITHUB_BASE_REF", base)
    event.agree("GITHUB_REF", f"refs/pull/{number}/merge", f"refs/pull/{number}/head")
    sha = event.runner("GITHUB_SHA")
    return event.proposed(head, base, merge=sha if _ID.fullmatch(sha) else "")


def _merge_group(event: _Event) -> Order:
    head, ref = event.oid("merge_group.head_sha"), event.text("merge_group.base_ref")
    event.oid("merge_group.base_sha")
    event.agree("GITHUB_SHA", head)
    if not ref.startswith(_BRANCH):
        raise event.wrong("has no branch as merge_group.base_ref")
    # Not from base_sha: that may be another entry of the queue, which the branch does not have yet.
    return event.proposed(head, ref.removeprefix(_BRANCH))


def _push(event: _Event) -> Order:
    ref, old, new = event.text("ref"), event.oid("before"), event.oid("after")
    event.agree("GITHUB_REF", ref)
    if not new.strip("0"):
        return Nothing(f"{printable(ref)} was deleted")
    if ref.startswith(_TAG):
        # GITHUB_SHA is the commit here, `after` the object of an annotated tag.
        return Proposed(new, event.default, tag=ref.removeprefix(_TAG), known=event.trusted)
    event.agree("GITHUB_SHA", new)
    if not ref.startswith(_BRANCH):
        raise event.wrong("has neither a branch nor a tag as ref")
    branch = ref.removeprefix(_BRANCH)
    if branch not in event.trusted:
        return Proposed(new, event.default, asked=branch, known=event.trusted)
    if old.strip("0"):
        return Pushed(old, new, branch)
    if branch == event.default:
        return Founded(new, branch)
    return Proposed(new, event.default, asked=branch, known=(event.default,))


def _schedule(event: _Event) -> Order:
    return _audit(event, scheduled=True)


def _dispatch(event: _Event) -> Order:
    return _audit(event, scheduled=False)


def _audit(event: _Event, *, scheduled: bool) -> Order:
    head, ref = event.runner("GITHUB_SHA"), event.runner("GITHUB_REF")
    if not _ID.fullmatch(head) or not ref:
        raise UserError(f"a {event.name} run needs GITHUB_SHA and GITHUB_REF", "the runner sets them")
    branch = ref.removeprefix(_BRANCH)
    return Audit(head, branch if branch in event.trusted else event.default, scheduled)


_READERS = {
    "pull_request": _pull_request,
    "merge_group": _merge_group,
    "push": _push,
    "schedule": _schedule,
    "workflow_dispatch": _dispatch,
}
