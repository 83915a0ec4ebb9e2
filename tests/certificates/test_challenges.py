"""The list of TXT values in Consul KV: others' values stay, what is no value goes, it never grows without end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.certificates.challenges import MOST, Challenges, changed, parse
from pryv_nomad.errors import Conflict
from pryv_nomad.settings.snippets import challenges_key

KEY = challenges_key("pryv.example")
A, B, C, D, E = (letter * 43 for letter in "ABCDE")


class Keys:
    """Consul KV in memory, with its check-and-set."""

    def __init__(self, value: bytes | None = None) -> None:
        self.value, self.index = value, 0 if value is None else 7
        self.before_write: Callable[[], None] = lambda: None

    def kv_get(self, key: str) -> tuple[bytes, int] | None:
        assert key == KEY
        return None if self.value is None else (self.value, self.index)

    def kv_put(self, key: str, value: bytes, cas: int | None = None) -> bool:
        self.before_write()
        if cas != self.index:
            raise Conflict("the index does not match")
        self.value, self.index = value, self.index + 1
        return True

    def values(self) -> list[str]:
        return list(json.loads(self.value or b"[]"))


def test_values_come_and_go() -> None:
    keys = Keys()
    challenges = Challenges(keys, "pryv.example")
    challenges.publish([B, A])
    assert keys.values() == [A, B]
    challenges.withdraw([A, B])
    assert keys.values() == []


def test_what_is_there_already_is_not_written_again() -> None:
    keys = Keys(json.dumps([A]).encode())
    Challenges(keys, "pryv.example").publish([A])
    Challenges(keys, "pryv.example").withdraw([B])
    assert keys.index == 7


def test_a_write_of_another_renewal_between_is_kept() -> None:
    keys = Keys()

    def other() -> None:
        keys.before_write = lambda: None
        Challenges(keys, "pryv.example").publish([C])

    keys.before_write = other
    Challenges(keys, "pryv.example").publish([A, B])
    assert keys.values() == [C, A, B]


def test_a_list_that_others_write_all_the_time_ends_in_a_conflict() -> None:
    keys = Keys()

    def other() -> None:
        keys.index += 1

    keys.before_write = other
    with pytest.raises(Conflict):
        Challenges(keys, "pryv.example").publish([A])


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"{}", b"null", b'["short"]', b"[1, null]", b'["%s\\n"]' % A.encode()]
)
def test_what_is_no_value_is_left_out(text: bytes) -> None:
    assert parse(text) == []


def test_what_killed_renewals_left_behind_is_pushed_out() -> None:
    assert changed([A, B, C], [D, E], []) == [B, C, D, E]


values = st.lists(st.sampled_from([A, B, C, D, E]), unique=True)


@given(values, values.filter(lambda more: len(more) <= MOST), values)
def test_the_newest_stay_and_the_list_is_short(there: list[str], more: list[str], less: list[str]) -> None:
    result = changed(there, more, [value for value in less if value not in more])
    assert len(result) <= MOST
    assert set(more) <= set(result)
    assert len(set(result)) == len(result)
