"""Records, the wanted cores, and their copies in Nomad Variables: what goes in comes out."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.bridge import mirror
from pryv_nomad.bridge.desired import Desired, DesiredCore, decode, encode
from pryv_nomad.bridge.states import Membership, State, generation_of, is_name, merged
from tests.bridge.world import desires, records

MOST = 64 * 1024


@given(records())
def test_a_record_reads_back_as_it_was_written(members) -> None:
    assert all(Membership.from_text(core, member.to_text()) == member for core, member in members.items())


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"\xff"),
        *(b'{"state":"active"}', b'{"state":"here","hosting":"ch"}'),
        *(b'{"state":"active","hosting":"ch","port":"x"}', b'{"state":"active","hosting":1}'),
    ],
)
def test_what_is_no_record_is_none(text) -> None:
    assert Membership.from_text("co1", text) is None


def test_a_record_under_a_key_that_is_no_name_is_none() -> None:
    text = Membership("co1", State.ACTIVE, "ch").to_text()
    assert Membership.from_text("Co 1", text) is None
    assert not is_name("a.b")
    assert not is_name("a" * 64)


def test_a_later_version_may_add_fields() -> None:
    text = json.dumps(Membership("co1", State.ACTIVE, "ch").to_json() | {"weight": 3})
    assert Membership.from_text("co1", text) == Membership("co1", State.ACTIVE, "ch")


@given(records(), records())
def test_merging_keeps_every_core_with_its_newer_record(one, other) -> None:
    both = merged(one, other)
    assert both.keys() == one.keys() | other.keys()
    for core, record in both.items():
        assert record.generation == max(store[core].generation for store in (one, other) if core in store)
    assert merged(both, other) == both


@given(desires())
def test_the_wanted_cores_read_back_and_are_always_the_same_bytes(desired) -> None:
    assert decode(encode(desired)) == desired
    assert encode(desired) == encode(desired)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        gzip.compress(b"{", mtime=0),
        gzip.compress(b'{"format": 2}', mtime=0),
        gzip.compress(b"[]", mtime=0),
        encode(Desired(""))[:-9],
    ],
)
def test_what_holds_no_wanted_cores_is_none(data) -> None:
    assert decode(data) is None


def test_ten_thousand_wanted_cores_fit_into_one_value_of_consul() -> None:
    cores = tuple(
        DesiredCore(f"core-number-{at}", f"hosting{at % 20}", f"203.{at % 250}.{at % 99}.7") for at in range(10_000)
    )
    assert len(encode(Desired("1.9.2", cores))) < 512 * 1024 / 2


# -- the mirror --------------------------------------------------------------------------------------------------


def written(members: dict[str, Membership], generation: int = 4) -> dict[str, mirror.Items]:
    shards = mirror.shards_for(len(members), 0)
    return mirror.variables_of(members.values(), members, shards, generation)


@given(records(), desires())
def test_the_mirror_reads_back_as_it_was_written(members, desired) -> None:
    found = mirror.read(written(members) | mirror.variables_of_desired(desired))
    assert found.members == members
    assert found.desired == desired
    assert found.generation == (4 if members else None)


@pytest.mark.parametrize("count", [1, 100, 101, 3000, 10_000])
def test_no_variable_is_larger_than_nomad_takes(count) -> None:
    names = [f"{'n' * 50}-{number}" for number in range(count)]
    members = {
        name: Membership(name, State.ACTIVE, "h" * 63, "2001:db8::1111:2222:3333", 443, 12345, "2026-01-01T00:00:00Z")
        for name in names
    }
    desired = Desired("1.9.2", tuple(DesiredCore(name, "h" * 63, "203.0.113.7") for name in names))
    variables = written(members) | mirror.variables_of_desired(desired)
    assert max(sum(len(key) + len(value) for key, value in items.items()) for items in variables.values()) < MOST
    assert mirror.read(variables).members == members


def test_only_the_shards_of_what_changed_are_written() -> None:
    members = {f"co{number}": Membership(f"co{number}", State.ACTIVE, "ch") for number in range(1000)}
    shards = mirror.shards_for(1000, 0)
    assert shards == 16
    variables = mirror.variables_of(members.values(), ["co1"], shards, 2)
    assert list(variables) == [f"pryv-nomad/members/{mirror.shard_of('co1', shards)}"]
    assert "co1" in json.loads(next(iter(variables.values()))["members"])


def test_when_the_shards_double_records_that_are_left_behind_do_no_harm() -> None:
    few = {f"co{number}": Membership(f"co{number}", State.ACTIVE, "ch") for number in range(90)}
    many = {f"co{number}": Membership(f"co{number}", State.DRAINING, "ch", generation=2) for number in range(150)}
    variables = written(few) | written(many)
    found = mirror.read(variables)
    assert found.members == many
    assert found.shards == 2
    assert mirror.shards_for(3, found.shards) == 2


@given(st.dictionaries(st.sampled_from(["members", "generation", "data", "pieces"]), st.text(max_size=20), max_size=4))
def test_a_variable_that_is_broken_is_left_out(items) -> None:
    good = {"co1": Membership("co1", State.ACTIVE, "ch")}
    found = mirror.read(
        written(good) | {"pryv-nomad/members/3": items, "pryv-nomad/desired/0": items, "other/x": items}
    )
    assert found.members == good
    assert found.desired is None


@pytest.mark.parametrize(
    ("text", "count"),
    [(b"0", 0), (b"12", 12), (b"", None), (b"-1", None), (b"x", None), ("٣", None), (b"9" * 30, None)],
)
def test_a_count_is_digits(text, count) -> None:
    assert generation_of(text) == count
