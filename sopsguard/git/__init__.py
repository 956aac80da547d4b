"""The only place that runs git: plumbing, object ids, raw bytes; never diff text, attributes, textconv."""

from sopsguard.git.process import MINIMUM, command
from sopsguard.git.records import Commit
from sopsguard.git.repository import Repository, discover

__all__ = ["MINIMUM", "Commit", "Repository", "command", "discover"]
