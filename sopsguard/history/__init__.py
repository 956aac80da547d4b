"""What stood in a file before: its versions in git, their facts, and what the present one owes to them."""

from sopsguard.history.blobs import Illegible
from sopsguard.history.breaches import Breach, Present, Unsettled, judged
from sopsguard.history.exposure import DataKey, Exposed, Exposure, exposures, openers, reach
from sopsguard.history.facts import FORM, Facts, NotFacts, Value, decoded, encoded, facts_of
from sopsguard.history.lineage import Judged
from sopsguard.history.readers import Readers
from sopsguard.history.record import Record
from sopsguard.history.timeline import Interval, Missing, Moment, Timeline, ValueLine
from sopsguard.history.versions import History, Past, Version

__all__ = [
    "FORM",
    "Breach",
    "DataKey",
    "Exposed",
    "Exposure",
    "Facts",
    "History",
    "Illegible",
    "Interval",
    "Judged",
    "Missing",
    "Moment",
    "NotFacts",
    "Past",
    "Present",
    "Readers",
    "Record",
    "Timeline",
    "Unsettled",
    "Value",
    "ValueLine",
    "Version",
    "decoded",
    "encoded",
    "exposures",
    "facts_of",
    "judged",
    "openers",
    "reach",
]
