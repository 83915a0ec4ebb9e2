"""The copy of the membership in Nomad Variables, for the day on which Consul is emptied: pure, both ways.

A variable holds 64 KiB at most, so the records are spread over numbered shards, each core always in the same one, and
only shards that changed are written. When the platform outgrows their number it doubles; records that then lie in two
shards do no harm, because the newer one counts.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pryv_nomad.bridge.desired import Desired, decode, encode
from pryv_nomad.bridge.states import Membership, generation_of, merged

MEMBERS = "pryv-nomad/members/"
DESIRED = "pryv-nomad/desired/"
GENERATION = "pryv-nomad/generation"
PREFIX = "pryv-nomad/"
# A record is about 150 bytes, at most 400 with the longest names: this many on average leave room for uneven shards.
CORES_A_SHARD = 100
BYTES_A_PIECE = 60_000

Items = dict[str, str]


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the variables say. `shards` is their number, a power of two (0 before the first)."""

    members: Mapping[str, Membership] = field(default_factory=dict)
    generation: int | None = None
    shards: int = 0
    desired: Desired | None = None


def read(variables: Mapping[str, Items]) -> Mirror:
    """The mirror out of its variables, path → items. What is no record is left out, and will be written over."""
    members: dict[str, Membership] = {}
    generations, numbers = [], []
    for path, items in variables.items():
        if path.startswith(MEMBERS) and path[len(MEMBERS) :].isdecimal():
            numbers.append(int(path[len(MEMBERS) :]))
            members = merged(members, _records(items))
            generations.append(generation_of(items.get("generation", "")))
    generations.append(generation_of(variables.get(GENERATION, {}).get("generation", "")))
    known = [each for each in generations if each is not None]
    shards = _power(max(numbers) + 1) if numbers else 0
    return Mirror(members, max(known, default=None), shards, _desired(variables))


def _records(items: Items) -> dict[str, Membership]:
    try:
        found = json.loads(items.get("members", ""))
    except ValueError:
        return {}
    records = (Membership.from_json(core, each) for core, each in found.items()) if isinstance(found, dict) else ()
    return {record.core: record for record in records if record}


def shard_of(core: str, shards: int) -> int:
    """The shard of a core among `shards`."""
    return zlib.crc32(core.encode()) % shards


def shards_for(cores: int, present: int) -> int:
    """How many shards `cores` cores need; never fewer than there are."""
    return max(present, _power(-(-max(cores, 1) // CORES_A_SHARD)))


def variables_of(
    members: Iterable[Membership], changed: Iterable[str], shards: int, generation: int
) -> dict[str, Items]:
    """The variables to write, path → items, when the cores `changed` have changed; `members` are all."""
    numbers = {shard_of(core, shards) for core in changed}
    spread: dict[int, dict[str, object]] = {number: {} for number in numbers}
    for member in sorted(members, key=lambda each: each.core):
        number = shard_of(member.core, shards)
        if number in spread:
            spread[number][member.core] = member.to_json()
    return {
        f"{MEMBERS}{number}": {
            "generation": str(generation),
            "members": json.dumps(spread[number], separators=(",", ":")),
        }
        for number in sorted(numbers)
    }


def variables_of_generation(generation: int) -> dict[str, Items]:
    """The count of changes as a variable."""
    return {GENERATION: {"generation": str(generation)}}


def variables_of_desired(desired: Desired) -> dict[str, Items]:
    """The wanted cores as variables: one text in pieces, each with the number of all."""
    text = base64.b64encode(encode(desired)).decode()
    pieces = [text[start : start + BYTES_A_PIECE] for start in range(0, len(text), BYTES_A_PIECE)]
    return {
        f"{DESIRED}{number}": {"generation": str(desired.generation), "pieces": str(len(pieces)), "data": piece}
        for number, piece in enumerate(pieces)
    }


def _desired(variables: Mapping[str, Items]) -> Desired | None:
    """The wanted cores, None where the pieces are not all of one text."""
    first = variables.get(f"{DESIRED}0", {})
    number = generation_of(first.get("pieces", "")) or 0
    pieces = [variables.get(f"{DESIRED}{each}", {}) for each in range(min(number, 1000))]
    try:
        return decode(base64.b64decode("".join(piece.get("data", "") for piece in pieces), validate=True))
    except ValueError:
        return None


def _power(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()
