"""Ranges of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.model.ranges import MAX_CORES, expand


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("co1", ["co1"]),
        ("co[1-3]", ["co1", "co2", "co3"]),
        ("co[08-11]", ["co08", "co09", "co10", "co11"]),
        ("co[1-3,7]", ["co1", "co2", "co3", "co7"]),
        ("co[7,1]-eu", ["co7-eu", "co1-eu"]),
        ("[1-2]", ["1", "2"]),
        ("co[ 1 - 2 , 4 ]", ["co1", "co2", "co4"]),
        ("co[0-1]", ["co0", "co1"]),
        ("co[001-2]", ["co001", "co002"]),
    ],
)
def test_a_range_stands_for_its_names(name: str, names: list[str]) -> None:
    assert expand(name) == names


@pytest.mark.parametrize(
    "name", ["co[", "co]", "co[]", "co[a-b]", "co[1-]", "co[-1]", "co[1--2]", "co[1-2][3-4]", "co[[1]]", "co[1;2]"]
)
def test_a_malformed_range_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a range"):
        expand(name)


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="runs backwards"):
        expand("co[3-1]")


@pytest.mark.parametrize("name", [f"co[1-{MAX_CORES + 1}]", "co[1-999999999]", "co[1-9999,20000-20001]"])
def test_a_range_is_bounded(name: str) -> None:
    with pytest.raises(ValueError, match="more than 10,000"):
        expand(name)


@given(st.integers(0, 99_999), st.integers(0, 200), st.booleans())
def test_a_range_has_as_many_distinct_names_as_numbers(first: int, more: int, padded: bool) -> None:
    start = f"0{first}" if padded else str(first)
    names = expand(f"co[{start}-{first + more}]")
    assert len(set(names)) == more + 1
    assert [int(name[2:]) for name in names] == list(range(first, first + more + 1))
    if padded:
        assert all(len(name) >= 2 + len(start) for name in names)
