"""What tests of the judgement share: documents without a key and with one, formats."""

import json
from typing import Any

from jsonschema import FormatChecker

from sopsguard.sops.editor import encrypt
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.opening import Opened, open_file
from sopsguard.structure import formats, shadow
from sopsguard.structure.shadow import Array, Known, Object, Place, Shadow
from sopsguard.structure.truth import Truth
from tests.throwaway import age_identity

CHECKER = FormatChecker(("date", "ipv4", "uuid", "email"))
for _name, _format in formats.OURS.items():
    CHECKER.checks(_name)(lambda text, f=_format: not isinstance(text, str) or f.judge(text) is Truth.VALID)


IDENTITY, RECIPIENT = age_identity()
IDENTITIES = parse(IDENTITY.encode(), Source("text", "the test"))


def both(document: Any, format: str) -> tuple[Shadow, Shadow]:
    """The document without a key and with one, encrypted for real."""
    data = json.dumps(document, ensure_ascii=False).encode()
    sealed = encrypt(data, format, [[RECIPIENT]], "2026-01-02T03:04:05Z")
    file = read(sealed, f"x.{format}")
    assert isinstance(file, SopsFile)
    opened = open_file(file, IDENTITIES)
    assert isinstance(opened, Opened)
    return shadow.of_file(file)[0], shadow.of_opened(opened)[0]


TOP = Place((), 1)


def known(value: Any, place: Place = TOP) -> Shadow:
    """A document in clear."""
    if isinstance(value, dict):
        places = {name: Place((*place.path, name), 1) for name in value}
        return Object(place, {name: known(child, places[name]) for name, child in value.items()}, places)
    if isinstance(value, list):
        return Array(place, tuple(known(child, Place((*place.path, n), 1)) for n, child in enumerate(value)))
    return Known(place, value)
