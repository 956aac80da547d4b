"""What stood in a file before: its versions in git, their facts, and what the present one owes to them."""

from sopsguard.history.breaches import Breach, Present, Unsettled, judged
from sopsguard.history.facts import FORM, Facts, NotFacts, Value, decoded, encoded, facts_of
from sopsguard.history.record import Record
from sopsguard.history.versions import History, Past, Version

__all__ = [
    "FORM",
    "Breach",
    "Facts",
    "History",
    "NotFacts",
    "Past",
    "Present",
    "Record",
    "Unsettled",
    "Value",
    "Version",
    "decoded",
    "encoded",
    "facts_of",
    "judged",
]
