"""Every file that a creation rule means is encrypted.

A file under a rule of `.sops.yaml` that is in clear was forgotten, or decrypted in place and
committed. It is an error where something says that it was meant: it was encrypted before, its name
speaks of secrets, it holds what looks like one, or its neighbours under the same rule are
encrypted. Otherwise the expression catches more than it should, which is a warning. Templates,
public keys and certificates, documentation and source code, and files that only a catch-all or a
blocking rule matches are not meant.

Remedy: `sops encrypt -i FILE`, and replace its values if it was ever pushed; or narrow the rule.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.managed import is_config, looks_like_sops
from sopsguard.model import Confidence, Encrypt, Family, Finding, Level, Location, Unknown

if TYPE_CHECKING:
    from sopsguard.sops.rules import Rule

# What is not encrypted by anybody: source code, documentation, public halves, templates.
PLAIN = re.compile(
    r"\.(nix|py|sh|bash|go|rs|js|ts|rb|pl|lua|c|h|java|md|rst|adoc|html|css|svg|png|jpe?g|gif|pdf|pub|crt|cer"
    r"|lock|tf|hcl|service|timer|mk)$"
    r"|(^|/)(\.git[a-z]+|\.keep|\.editorconfig|README[^/]*|LICENSE[^/]*|Makefile|Justfile|Dockerfile"
    r"|kustomization\.ya?ml|[^/]*\.schema\.json)$",
    re.IGNORECASE,
)
TEMPLATE = re.compile(
    r"\.(j2|jinja2?|tmpl|tpl|template|gotmpl|example|sample|dist|in)(\.|$)"
    r"|(^|[._/-])(example|sample|template|dummy)s?([._/-]|$)",
    re.IGNORECASE,
)
NAME = re.compile(
    r"secret|\.sops\.|\.enc(\.|$)|credential|passw|private|token|vault|(^|/)\.env|keys?\.(txt|ya?ml|json)$",
    re.IGNORECASE,
)
CONTENT = re.compile(
    rb"(?im)^[ \t\"'-]*[\w.-]*(passw|secret|token|api_?key|private_?key|credential)[\w.-]*[\"']?"
    rb"[ \t]*[:=][ \t]*[^\s{$<#|>]"
)
PUBLIC = re.compile(
    rb"\A\s*(-----BEGIN (CERTIFICATE|PUBLIC KEY|PGP PUBLIC KEY BLOCK|RSA PUBLIC KEY)"
    rb"|(ssh-|ecdsa-|sk-)\S+ AAAA|age1)"
)
HOLES = re.compile(rb"\{\{.*?\}\}|\{%|<%|@[A-Z_]{3,}@|\$\{[A-Z_]+\}")


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Files in clear under a rule, and files that were encrypted before."""
    managed = ctx.managed
    neighbours: dict[tuple[int, str], bool] = {}
    for path in managed.clear:
        if is_config(path):
            continue
        was = _was_encrypted(ctx, path)
        verdict = managed.rule(path)
        match = verdict.match
        if match is not None and match.unknown is not None:
            yield match.unknown
            continue
        rule = verdict.rule
        if rule is None or rule.is_catch_all or rule.is_block:
            if was:
                yield _finding(path, "encrypted before, in clear now", None)
            continue
        if PLAIN.search(path) and not was:
            continue
        data = managed.read(path)
        if data is None or not data.strip() or PUBLIC.match(data):
            continue
        if TEMPLATE.search(path) or HOLES.search(data):
            yield _finding(path, f"a template in clear under {rule.title}", Level.INFO)
        elif was:
            yield _finding(path, "encrypted before, in clear now", None)
        else:
            evidence = _evidence(ctx, path, data, rule, neighbours)
            said = f"in clear, and {rule.title} (line {rule.span.line} of .sops.yaml) means it"
            if evidence:
                yield _finding(path, f"{said}: {evidence}", None)
            else:
                yield _finding(path, f"in clear, and {rule.title} also matches it", Level.WARNING)


def _was_encrypted(ctx: Context, path: str) -> bool:
    """Whether the old side had it as a SOPS file."""
    old = ctx.before.read(path) if ctx.before is not None else None
    return old is not None and looks_like_sops(old) and path in ctx.past.managed.files


def _evidence(
    ctx: Context, path: str, data: bytes, rule: "Rule", neighbours: dict[tuple[int, str], bool]
) -> str:
    if NAME.search(path):
        return "its name speaks of secrets"
    if any(found.location.path == path for found in ctx.found) or CONTENT.search(data):
        return "it holds what looks like a secret"
    folder = path.rpartition("/")[0]
    key = (rule.index, folder)
    if key not in neighbours:
        others = (p for p in ctx.managed.files if p.rpartition("/")[0] == folder)
        neighbours[key] = any(
            (r := ctx.managed.rule(p).rule) is not None and r.index == rule.index for p in others
        )
    return "its neighbours are encrypted" if neighbours[key] else ""


def _finding(path: str, said: str, level: Level | None) -> Finding:
    return Finding(
        Location(path),
        said,
        "encrypt it (`sops encrypt -i`) and replace its values if it was ever pushed, or narrow the rule",
        confidence=Confidence.LIKELY,
        level=level,
        intent=Encrypt(path),
    )


RULE = "creation_rules:\n  - path_regex: ^secrets/.*\\.yaml$\n    age: {alice}\n"
CHECK = Check(
    "unencrypted-file",
    Family.PLAINTEXT,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={".sops.yaml": RULE, "secrets/db.yaml": "db:\n  host: db1\n  pass: see the safe\n"},
        good={".sops.yaml": RULE, "secrets/db.yaml": Encrypted("db:\n  host: db1\n  pass: see the safe\n")},
    ),
)
