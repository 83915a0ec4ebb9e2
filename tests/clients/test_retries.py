"""When a request is tried again, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.clients.blocking import next_index, parameters, patience
from pryv_nomad.clients.retries import NEVER, Retries, retry_after

seconds = st.floats(0, 1000)


@given(
    retries=st.builds(Retries, attempts=st.integers(1, 20), base_s=seconds, cap_s=seconds, within_s=seconds),
    jitter=st.floats(0, 1, exclude_max=True),
    asked=st.one_of(st.just(0.0), seconds),
)
def test_tries_and_their_time_are_bounded_and_a_wish_is_granted(retries: Retries, jitter: float, asked: float) -> None:
    elapsed, tried = 0.0, 1
    while (pause := retries.pause(tried, elapsed, jitter, asked)) is not None:
        assert asked <= pause <= max(retries.cap_s, asked)
        elapsed, tried = elapsed + pause, tried + 1
    assert tried <= retries.attempts
    assert elapsed <= retries.within_s


@given(tried=st.integers(1, 3))
def test_the_dice_span_from_nothing_to_twice_the_bound_before(tried: int) -> None:
    retries = Retries(attempts=9, base_s=1.0, cap_s=100.0, within_s=1000.0)
    assert retries.pause(tried, 0.0, 0.0) == 0.0
    assert retries.pause(tried, 0.0, 0.5) == 2 ** (tried - 1) / 2


def test_never_means_one_try() -> None:
    assert NEVER.pause(1, 0.0, 0.0) is None


@pytest.mark.parametrize(
    ("header", "wished"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, wished: float) -> None:
    assert retry_after(header, now=60.0) == wished


@pytest.mark.parametrize(("asked", "answered", "following"), [(0, 7, 7), (7, 9, 9), (7, 7, 7), (9, 7, 0), (9, 0, 0)])
def test_an_index_that_went_back_begins_afresh(asked: int, answered: int, following: int) -> None:
    assert next_index(asked, answered) == following


def test_a_wait_is_cut_to_what_servers_allow_and_outlasted() -> None:
    assert parameters(7, 1.5) == {"index": "7", "wait": "1500ms"}
    assert parameters(7, 9999.0) == parameters(7, None) == {"index": "7", "wait": "300000ms"}
    assert patience(10.0, 160.0) == 180.0
    assert patience(10.0, None) == patience(10.0, 9999.0) == 10 + 300 + 18.75
