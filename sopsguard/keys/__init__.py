"""Keys of every kind: parse them, derive the public half, generate new ones.

Every parser takes hostile input and answers one of three things, never an exception:

* `None`: this is not such a key at all;
* `Problem`: it has the form of one and fails its own check (checksum, length, curve, structure);
* a value of the module: proved, with its public half wherever one can be derived.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that has the form of a key and fails its check. `reason` never quotes the input."""

    kind: str
    reason: str
