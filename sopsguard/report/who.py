"""Everything a holder could ever read: the blast radius of a lost machine or a person who left."""

import json as _json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sopsguard.history.exposure import Known
from sopsguard.model import printable


def text(name: str, recipients: Sequence[str], known: Sequence[Known]) -> Iterator[str]:
    """For people: what still stands first, private keys named, then what was replaced since."""
    keys = ", ".join(map(_short, recipients))
    yield printable(f"{name} ({keys}) could ever read {_count(known)}")
    for title, group in (
        ("still in use: replace them if the key is in wrong hands", [k for k in known if k.stands]),
        ("replaced or gone since", [k for k in known if not k.stands]),
    ):
        if not group:
            continue
        yield f"{title}:"
        for path in dict.fromkeys(k.path for k in group):
            yield printable(f"  {path}")
            for k in group:
                if k.path == path:
                    kind = f", by name and length a {k.private_key}" if k.private_key else ""
                    alone = "" if k.alone else ", together with others who held shares"
                    until = "" if k.stands else f", last {_day(k.last.not_after)}"
                    yield printable(f"    {k.key or 'the whole file'}{kind}{alone}{until}")


def json(name: str, recipients: Sequence[str], known: Sequence[Known]) -> str:
    """For programs."""
    values = [
        {
            "path": printable(k.path),
            "key": printable(k.key),
            "stands": k.stands,
            "alone": k.alone,
            "private_key": k.private_key or None,
            "first": {"commit": k.first.commit or None, "date": _day(k.first.not_after)},
            "last": {"commit": k.last.commit or None, "date": _day(k.last.not_after)},
        }
        for k in known
    ]
    document = {"version": 1, "name": printable(name), "recipients": list(recipients), "values": values}
    return _json.dumps(document, indent=2, ensure_ascii=False)


def _count(known: Sequence[Known]) -> str:
    files = len({k.path for k in known})
    keys = sum(bool(k.private_key) for k in known)
    said = f"{len(known)} value{'' if len(known) == 1 else 's'} of {files} file{'' if files == 1 else 's'}"
    return f"{said}, {keys} of them private keys" if keys else said


def _short(recipient: str) -> str:
    return recipient if len(recipient) <= 24 else f"{recipient[:12]}…{recipient[-4:]}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
