"""Who can read which value, and what a change does to that: gained, lost, by which way."""

from sopsguard.access.change import Change, Gain, Way, between
from sopsguard.access.readers import Reach, Reader, Readers, clusters, reach
from sopsguard.access.view import Use, View

__all__ = [
    "Change",
    "Gain",
    "Reach",
    "Reader",
    "Readers",
    "Use",
    "View",
    "Way",
    "between",
    "clusters",
    "reach",
]
