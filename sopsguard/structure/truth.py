"""Three values: what is certainly so, certainly not so, and what ciphertext leaves open (Kleene's logic)."""

from enum import IntEnum


class Truth(IntEnum):
    """Ordered so that `min` is and, `max` is or."""

    INVALID = 0
    OPEN = 1
    VALID = 2

    @property
    def negated(self) -> "Truth":
        """The opposite; open stays open."""
        return Truth(2 - self)


def certainly(value: bool) -> Truth:
    """The truth of something known."""
    return Truth.VALID if value else Truth.INVALID
