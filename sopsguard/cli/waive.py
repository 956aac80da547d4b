"""`sopsguard waive`: accept a finding until a day."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import judge, known_rules, repository, select, today
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse


HELP = "accept a finding until a day: writes a waiver into .sopsguard.yaml"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("finding", metavar="FINDING", help="its number, from the report")
    parser.add_argument("--reason", required=True, help="why it is acceptable")
    parser.add_argument("--until", required=True, metavar="YYYY-MM-DD", help="the last day it counts")


def run(options: "argparse.Namespace") -> int:
    """Write the waiver."""
    from sopsguard import hooks, policy
    from sopsguard.fix import apply, waive

    if not policy.is_date(options.until):
        raise UserError(
            f"--until {options.until!r} is not a date",
            "write it as YYYY-MM-DD, the last day the waiver counts",
        )
    if options.until < today().isoformat():
        raise UserError(f"--until {options.until} is in the past", "a waiver ends on a day to come")
    if not options.reason.strip():
        raise UserError("--reason is empty", "say why the finding is acceptable; a reviewer will read it")
    repo = repository()
    if repo.root is None:
        raise UserError("a bare repository has no file to write the waiver into", "run this in a clone")
    found = []
    for target in (hooks.staged, hooks.everything):
        try:
            verdict, _, _ = judge(target(repo), select((), ()), only_new=False)
        except UserError:
            if target is hooks.everything:
                raise
            continue
        found = [f for f in verdict.findings if f.fingerprint.startswith(options.finding)]
        if found:
            break
    if not found or len(options.finding) < 6:
        raise UserError(
            f"no finding {options.finding!r} here", "the number stands behind `waive` in the report"
        )
    if len({f.fingerprint for f in found}) > 1:
        raise UserError(f"{options.finding!r} means {len(found)} findings", "give more of the number")
    finding = found[0]
    path = finding.location.path
    if any(c in path for c in "*?"):
        path = "".join("?" if c in "*?" else c for c in path)
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UserError(
            "the name of that file is not UTF-8, which a policy cannot hold", "rename the file"
        ) from None
    waiver = policy.Waiver(finding.rule, path, options.reason.strip(), options.until, finding.fingerprint)
    disk = repo.worktree()
    old = disk.read(policy.FILE) if policy.FILE in disk else None
    new = waive.with_waiver((old or b"").decode(), waiver).encode()
    before = policy.read(old, known_rules()) if old is not None else policy.Policy()
    after = policy.read(new, known_rules())
    if [w._replace(line=0) for w in after.waivers] != [w._replace(line=0) for w in (*before.waivers, waiver)]:
        raise UserError(f"{policy.FILE} has a form that cannot be extended safely", "add the waiver by hand")
    apply.replace(repo.root, policy.FILE, old, new)
    shown = f"{finding.rule} in {printable(path)} waived until {options.until}"
    print(f"{policy.FILE}: {shown}; stage and commit it")
    return OK
