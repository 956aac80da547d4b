"""What sops wrote at one path, as far as its versions show."""

from collections.abc import Iterable

from sopsguard.history.facts import Value
from sopsguard.history.versions import Version


class Record:
    """What sops wrote at one path, as far as history shows: each MAC with the version that first had it,
    and where each nonce stood. Versions that contradict what came before were not written by sops alone
    and are no witness of anything."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self.written: dict[str, Version] = {}
        self._count = 0
        self._places: dict[str, dict[str, tuple[str, int]]] = {}  # iv → aad → (key, versions as bits)
        self._seals: dict[tuple[str, str], dict[str, int]] = {}  # (aad, iv) → sealed → versions as bits
        for version in versions:
            self._add(version)

    def _add(self, version: Version) -> None:
        facts = version.facts
        if facts is None or not facts.mac:
            return
        if facts.mac in self.written or self.moved(facts.values) or self.mixed(facts.values):
            return
        self.written[facts.mac] = version
        bit = 1 << self._count
        self._count += 1
        for value in facts.values:
            aads = self._places.setdefault(value.iv, {})
            key, bits = aads.get(value.aad, (value.key, 0))
            aads[value.aad] = key, bits | bit
            seals = self._seals.setdefault((value.aad, value.iv), {})
            seals[value.sealed] = seals.get(value.sealed, 0) | bit

    def knows(self, value: Value) -> bool:
        """Whether the value stood at its path in any of the versions."""
        return (value.aad, value.iv) in self._seals

    def moved(self, values: Iterable[Value]) -> list[tuple[Value, str]]:
        """The values whose nonce stood only at other paths before, each with one of these: sops gives a
        nonce again only to the same value at the same path."""
        found = []
        for value in values:
            places = self._places.get(value.iv)
            if places and value.aad not in places:
                found.append((value, next(iter(places.values()))[0]))
        return found

    def mixed(self, values: Iterable[Value]) -> tuple[Value, Value] | None:
        """A value that has the data key of an earlier version, and one that was encrypted with another since:
        they do not decrypt with one key. The first is of the few that are out of place."""
        known = [(value, *self._bits(value)) for value in values]
        same_bits = other_bits = 0
        for _, same, other in known:
            same_bits |= same
            other_bits |= other
        both = same_bits & other_bits
        if not both:
            return None
        pairs = []
        while both:
            bit = both & -both
            both ^= bit
            kept_ones = [value for value, same, _ in known if same & bit]
            turned_ones = [value for value, _, other in known if other & bit]
            pairs.append((len(kept_ones), kept_ones[0], turned_ones[0]))
        _, kept, turned = min(pairs, key=lambda pair: pair[0])
        return kept, turned

    def _bits(self, value: Value) -> tuple[int, int]:
        """The versions that have this very value, and those that have it under another data key."""
        same = other = 0
        for sealed, bits in self._seals.get((value.aad, value.iv), {}).items():
            if sealed == value.sealed:
                same |= bits
            else:
                other |= bits
        return same, other
