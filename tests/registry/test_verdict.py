"""Which files the registry's processes take, and which candidates may take the place of the file that is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.registry.verdict import Store, Verdict, judge
from tests.settings import platforms

from .texts import DOMAIN, PROVIDERS, changed, document, listing, text


def faults(candidate: bytes, previous: bytes | None = None, **store: Any) -> str:
    return "; ".join(judge(candidate, previous, Store(**store)).faults)


def test_what_the_settings_render_is_good(tmp_path: Path) -> None:
    platform = platforms.cluster(tmp_path)
    for component in ("register", "dns"):
        for rendered in platforms.texts(platform, component).values():
            assert judge(rendered.encode(), None, Store()).faults == ()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"dns__mail": ...}, "dns.mail"),
        ({"dns__mail": {}}, "dns.mail"),
        ({"dns__mail": ["mail.example"]}, "dns.mail[0]"),
        ({"dns__mail": [{"name": "-a", "priority": 1}]}, "dns.mail[0].name"),
        ({"dns__mail": [{"name": "a", "ip": "1.2.3", "priority": 1}]}, "dns.mail[0].ip"),
        ({"dns__mail": [{"name": "a", "priority": "1"}]}, "dns.mail[0].priority"),
        ({"dns__mail": [{"name": "a"}]}, "dns.mail[0].priority"),
        ({"dns__domain": ...}, "dns.domain"),
        ({"dns__domains": DOMAIN}, "dns.domains"),
        ({"dns__staticDataInDomain": []}, ""),
        ({"dns__staticDataInDomain": ["a"]}, "dns.staticDataInDomain"),
        ({"dns": "x"}, "dns.domain"),
        ({"service__api": ...}, "service.api"),
        ({"service__register": 1}, "service.register"),
        ({"redis__host": ""}, "redis.host"),
        ({"redis__port": "6379"}, "redis.port"),
        ({"invitationTokens": []}, ""),
        ({"invitationTokens": ["12345", "x" * 99]}, ""),
        ({"invitationTokens": "12345"}, "invitationTokens"),
        ({"invitationTokens": ["1234"]}, "invitationTokens[0]"),
        ({"invitationTokens": ["x" * 100]}, "invitationTokens[0]"),
        ({"invitationTokens": [12345]}, "invitationTokens[0]"),
        ({"net": ...}, "net.hostings"),
        ({"net__hostings": []}, "net.hostings"),
        ({"net__hostings": {}}, "net.hostings: no hosting"),
        ({"net__hostings__ch": []}, "net.hostings.ch"),
        ({"net__hostings__ch": {}}, "net.hostings.ch: no core"),
        ({"net__hostings__ch__co1": {"ip": "host"}}, "net.hostings.ch.co1.ip"),
        ({"net__hostings__ch__co1": {}}, "net.hostings.ch.co1.ip"),
        ({"net__hostings__ch__co1": "192.0.2.1"}, "net.hostings.ch.co1.ip"),
        ({"net__hostings__ch__co1": {"ip": "2001:db8::1"}}, ""),
        ({"net__hostings__ch": {"Co 1": {"ip": "192.0.2.1"}}}, "net.hostings.ch.Co 1"),
        ({"net__providers": ...}, "net.providers.ch"),
        ({"net__providers__ch__url": "https://ch.example/path"}, "net.providers.ch.url"),
        ({"net__providers__ch__url": "https://ch.example/"}, "net.providers.ch.url"),
        ({"net__providers__ch__url": "https://ch.example:443"}, "net.providers.ch.url"),
        ({"net__providers__ch__url": "ftp://ch.example"}, "net.providers.ch.url"),
        ({"net__providers__ch__url": ...}, "net.providers.ch.url"),
    ],
)
def test_what_the_programs_refuse_is_refused_with_its_place(changes: dict[str, Any], place: str) -> None:
    found = faults(changed(**changes))
    assert (found != "") == (place != ""), found
    assert place in found


@pytest.mark.parametrize(
    "candidate", [b"", b"{", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'"x"', b"\xff", b"[" * 9999]
)
def test_what_is_no_json_document_is_refused(candidate: bytes) -> None:
    assert faults(candidate, text("co1")) != ""


def test_a_cut_off_file_is_refused_wherever_it_was_cut() -> None:
    whole = text("co1", "co2", co2="fr")
    assert all(faults(whole[:end], None) for end in range(len(whole)))


def test_names_that_are_ends_of_each_other_are_refused() -> None:
    assert "core co1: its name is the end of eu-co1's" in faults(text("co1", "eu-co1"))
    assert faults(text("co1", "co10", "co11")) == ""


def test_a_core_in_two_hostings_is_refused() -> None:
    hostings = {"ch": {"co1": {"ip": "192.0.2.1"}}, "fr": {"co1": {"ip": "192.0.2.1"}}}
    assert "net.hostings.fr.co1: is in ch too" in faults(json.dumps(document(hostings)).encode())


def test_the_list_must_be_sorted() -> None:
    cores = {"co2": {"ip": "192.0.2.2"}, "co1": {"ip": "192.0.2.1"}}
    assert "net.hostings.ch: not sorted" in faults(json.dumps(document({"ch": cores})).encode())


def test_hostings_without_cores_are_right_only_before_the_first_core() -> None:
    empty = json.dumps(document({"ch": {}, "fr": {}})).encode()
    assert faults(empty, None, generation=0) == ""
    assert "no core" in faults(empty, None, generation=1)
    assert "no core" in faults(empty, None)
    assert "co1 would be lost" in faults(empty, text("co1"), generation=0)
    half = json.dumps(document({"ch": {"co1": {"ip": "192.0.2.1"}}, "fr": {}})).encode()
    assert "net.hostings.fr: no core" in faults(half, None, generation=0)


def test_no_core_is_lost_that_was_not_removed() -> None:
    before = text("co1", "co2", "co3")
    assert "co2, co3 would be lost, and nobody removed them" in faults(text("co1"), before)
    assert "co3 would be lost, and nobody removed it" in faults(text("co1"), before, removed=frozenset({"co2"}))
    assert faults(text("co1"), before, removed=frozenset({"co2", "co3"})) == ""


def test_without_a_previous_file_the_store_says_what_must_be_there() -> None:
    listed = frozenset({"co1", "co2"})
    assert "co2 would be lost" in faults(text("co1"), None, generation=5, listed=listed)
    assert faults(text("co1", "co2"), None, generation=5, listed=listed) == ""
    assert faults(text("co1"), text("co1"), generation=5, listed=listed) == ""


def test_a_core_may_move_and_change_its_address() -> None:
    moved = document({"fr": {"co1": {"ip": "192.0.2.99"}}})
    assert faults(json.dumps(moved).encode(), text("co1")) == ""


def test_another_platform_s_file_is_refused() -> None:
    assert "another platform" in faults(text("co1"), changed(dns__domain="other.example"))


def test_an_unreadable_previous_file_protects_nothing_and_blocks_nothing() -> None:
    assert faults(text("co1"), b"{") == ""


def test_the_sentence_says_what_changes() -> None:
    def said(verdict: Verdict) -> str:
        return verdict.sentence

    assert said(judge(text("co1", "co2"), text("co1"), Store())) == "2 cores: now with co2"
    assert said(judge(text("co1"), text("co1"), Store())) == "unchanged: 1 core"
    assert said(judge(text("co1"), text("co1", "co2"), Store(removed=frozenset({"co2"})))) == "1 core: now without co2"
    assert said(judge(b"{", None, Store())).startswith("refused: ")


def test_no_fault_tells_a_secret() -> None:
    secret = "s3cretS3cretS3cret"
    broken = json.dumps({"auth": {"coreSystemKey": secret}, "redis": {"host": {}}, "invitationTokens": [secret * 9]})
    twice = f'{{"auth": {{"authorizedKeys": {{"{secret}": {{}}, "{secret}": {{}}}}}}}}'
    for candidate in (twice.encode(), broken.encode(), broken.encode()[:-3], broken.encode() + b"x"):
        assert secret not in faults(candidate)


def test_ten_thousand_wrong_cores_are_told_shortly() -> None:
    hostings = {"ch": {f"Co{number:05}": {"ip": ""} for number in range(10_000)}}
    verdict = judge(json.dumps(document(hostings)).encode(), None, Store())
    assert len(verdict.faults) < 30
    assert len(verdict.sentence) < 3000


NAMES = st.sampled_from([f"co{number}" for number in range(1, 9)])


@given(st.sets(NAMES, min_size=1), st.sets(NAMES, min_size=1), st.sets(NAMES))
def test_a_good_candidate_has_every_core_that_was_not_removed(
    before: set[str], after: set[str], removed: set[str]
) -> None:
    verdict = judge(text(*after), text(*before), Store(removed=frozenset(removed)))
    assert verdict.good == (before - removed <= after)


def test_listing_places_cores() -> None:
    assert listing("co1", "co2", co2="fr") == {"ch": {"co1": {"ip": "192.0.2.10"}}, "fr": {"co2": {"ip": "192.0.2.10"}}}
    assert set(PROVIDERS) == {"ch", "fr"}
