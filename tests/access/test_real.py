"""Real repositories with the hosts of their truth files as inventory: readers, names and data keys agree."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sopsguard import checks
from sopsguard.context import Context
from sopsguard.inventory import How, folded
from sopsguard.judge import Verdict, judge
from sopsguard.managed import Managed
from sopsguard.model import Family
from sopsguard.snapshot import Snapshot
from tests.test_realworld import DERIVED, NAMES

pytestmark = [pytest.mark.shared, pytest.mark.parametrize("name", NAMES)]
RECIPIENTS = tuple(rule for rule, family in checks.RULES.items() if family is Family.RECIPIENTS)


def truth_of(shared: Path, name: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((shared / "realworld" / name / "_truth.json").read_text())
    return said


@cache
def judged(shared: Path, name: str, stated: bool) -> tuple[Context, Verdict]:
    """The view of one repository, and what the rules of recipients say of it; `stated`: with an inventory
    of the hosts that the truth names, and of the other names of `.sops.yaml` that it calls users."""
    root = shared / "realworld" / name
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in DERIVED
    }
    if stated:
        truth = truth_of(shared, name)
        hosts = {folded(host): host for host in truth["hosts"]}
        others = {folded(name) for name in truth["recipients_without_host_or_user"]}
        view = Context(Snapshot.of(files), tuple).access
        known = {h.name for use in view.in_rules for h in view.inventory.holders(use.who)}
        people = sorted(n for n in known if folded(n) not in hosts and folded(n) not in others)
        text = ["hosts:", *(f"  {host}: {{}}" for host in truth["hosts"])] if hosts else []
        text += ["people:", *(f"  {person}: {{}}" for person in people)] if people else []
        files["inventory.yaml"] = "\n".join(text or ["hosts: {}"]).encode()
    ctx = Context(Snapshot.of(files), tuple, clock=lambda: "2026-11-23")
    return ctx, judge(ctx, RECIPIENTS, only_new=False, whole=True)


def keys(verdict: Verdict, rule: str) -> list[str]:
    return sorted(f.location.key or "" for f in verdict.findings if f.rule == rule)


def test_files_of_one_data_key_are_those_of_the_truth(shared: Path, name: str) -> None:
    ctx, verdict = judged(shared, name, False)
    truth = truth_of(shared, name)["data_key_clusters"]
    assert [list(c) for c in ctx.access.clusters] == sorted(sorted(c["files"]) for c in truth)
    errors = [f for f in verdict.findings if f.rule == "shared-data-key" and f.blocks]
    assert len(errors) == sum(not c["same_recipients"] for c in truth)


def test_no_other_rule_of_recipients_is_an_error(shared: Path, name: str) -> None:
    _, verdict = judged(shared, name, False)
    assert {f.rule for f in verdict.findings if f.blocks} <= {"shared-data-key"}


def test_anchors_without_use_are_those_of_the_truth(shared: Path, name: str) -> None:
    _, verdict = judged(shared, name, False)
    assert keys(verdict, "unused-anchor") == sorted(truth_of(shared, name)["unused_anchors"])


def test_nobody_is_listed_twice_and_no_key_has_two_names(shared: Path, name: str) -> None:
    _, verdict = judged(shared, name, False)
    truth = truth_of(shared, name)
    expected = len(truth["duplicate_recipients_in_rules"]) + len(truth["same_key_two_names"])
    assert len(keys(verdict, "duplicate-recipient")) == expected


def test_hosts_without_recipient_are_those_of_the_truth(shared: Path, name: str) -> None:
    _, verdict = judged(shared, name, True)
    assert keys(verdict, "host-without-recipient") == sorted(
        truth_of(shared, name)["hosts_without_recipient"] or []
    )


def test_recipients_without_host_or_user_are_unknown(shared: Path, name: str) -> None:
    ctx, verdict = judged(shared, name, True)
    unknown = {
        name.text
        for use in ctx.access.in_rules
        if ctx.access.known(use.who) is None
        for name in ctx.managed.configs[use.path].names.get(use.key.normal, ())
    }
    nameless = truth_of(shared, name)["recipients_without_host_or_user"]
    assert {folded(n) for n in unknown} == {folded(n) for n in nameless}
    assert len(keys(verdict, "unknown-recipient")) >= len(nameless)


def test_readers_of_each_file_are_those_of_the_truth(shared: Path, name: str) -> None:
    ctx, _ = judged(shared, name, False)
    for file in truth_of(shared, name)["files"]:
        direct = ctx.access.reach[file["path"]].direct
        shown = {f"{reader.key.family}:{reader.key.normal}" for reader in direct.values()}
        assert shown == set(file["recipients"]), file["path"]


def test_ssh_keys_in_the_tree_prove_their_hosts(shared: Path, name: str) -> None:
    ctx, _ = judged(shared, name, False)
    hosts = {
        known.holder.name
        for use in ctx.access.in_files
        for known in ctx.inventory.who(use.who)
        if known.how is How.PROVED and known.holder.kind == "host"
    }
    proved = {
        path.rpartition("/")[0].rpartition("/")[2] for path in ctx.snapshot.paths() if path.endswith(".pub")
    }
    assert hosts == proved


def test_a_copy_of_the_truth_changes_no_access(shared: Path, name: str) -> None:
    ctx, _ = judged(shared, name, False)
    view = Context(ctx.snapshot, tuple, before=Managed(ctx.snapshot)).access
    assert view.change is not None
    assert (view.change.gained, view.change.lost, view.change.undecided) == ((), (), ())
