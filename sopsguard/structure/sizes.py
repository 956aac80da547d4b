"""Sets of lengths in bytes, and how they are told to people."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """The lengths that a text of some format can have: inclusive ranges in rising order."""

    ranges: tuple[tuple[int, int], ...]

    def allow(self, length: int) -> bool:
        """Whether a text of `length` bytes can be of the format; one final newline is forgiven."""
        return any(low <= length <= high or low <= length - 1 <= high for low, high in self.ranges)

    @property
    def words(self) -> str:
        """`44`, `74 or more`, `between 91 and 123`."""
        low, high = self.ranges[0][0], self.ranges[-1][1]
        if len(self.ranges) == 1:
            if low == high:
                return str(low)
            return f"at least {low}" if high >= LONGEST else f"between {low} and {high}"
        if self.is_listing:
            exact = [str(low) for low, _ in self.ranges]
            return f"{', '.join(exact[:-1])} or {exact[-1]}"
        return f"at least {low}" if high >= LONGEST else f"between {low} and {high}"

    @property
    def is_listing(self) -> bool:
        """Whether every range is one length, and few they are."""
        return len(self.ranges) <= 4 and all(low == high for low, high in self.ranges)


LONGEST = 1 << 14


def exactly(*lengths: int) -> Sizes:
    """These lengths and no others."""
    return Sizes(tuple((length, length) for length in sorted(lengths)))


def between(low: int, high: int = LONGEST) -> Sizes:
    """Everything from `low` to `high`."""
    return Sizes(((low, high),))


def byte_length(text: str) -> int:
    """The bytes of a text in UTF-8."""
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return len(text.encode("utf-8", "surrogatepass"))
