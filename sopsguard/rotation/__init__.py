"""How old secrets may become: the schedule of the policy, and what of a repository is due by it."""

from sopsguard.rotation.ages import Age, ages
from sopsguard.rotation.schedule import NEVER, Limit, Schedule, schedule

__all__ = ["NEVER", "Age", "Limit", "Schedule", "ages", "schedule"]
