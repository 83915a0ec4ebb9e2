"""Places as text, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.model import paths


@given(st.lists(st.one_of(st.text(min_size=1), st.integers(0, 99)), min_size=1).map(tuple))
def test_every_place_reads_back(path: paths.Path) -> None:
    assume_key_first = path if isinstance(path[0], str) else ("top", *path)
    assert paths.parse(paths.text(assume_key_first)) == assume_key_first


def test_a_place_reads_as_users_write_it() -> None:
    assert paths.text(("cores", 2, "ip")) == "cores[2].ip"
    assert paths.parse("cores[co1].procs") == ("cores", "co1", "procs")
    assert paths.parse('cores["co[1-3]"].procs') == ("cores", "co[1-3]", "procs")


@pytest.mark.parametrize("text", ["", ".a", "a..b", "a[", "a]", "a[]", "a b", 'a["b]'])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="place"):
        paths.parse(text)
