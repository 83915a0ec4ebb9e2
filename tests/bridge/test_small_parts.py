"""Thresholds, waits, numbers, and the catalog's entries as Consul gives them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.bridge.backoff import Backoff, tick_gap
from pryv_nomad.bridge.entries import Entry, found
from pryv_nomad.bridge.membership import Listed, address_of, listed, payload
from pryv_nomad.bridge.metrics import Metrics, prometheus
from pryv_nomad.bridge.states import State
from pryv_nomad.bridge.thresholds import Health, Thresholds
from pryv_nomad.plan.intent import Member


def answers(text: str, thresholds: Thresholds | None = None) -> list[str]:
    """The status after each answer of `text`: + passed, - failed."""
    health, said = Health(), []
    for each in text:
        health = health.after(each == "+", f"answer {each}", thresholds or Thresholds(failures=3, passes=2))
        said.append(health.status[:1] or "?")
    return said


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("++", "?p"),
        ("+-+-+-", "??????"),
        ("---", "??c"),
        ("++--+--+", "?ppppppp"),
        ("++---", "?pppc"),
        ("++---+-+-+", "?pppcccccc"),
        ("++---++", "?pppccp"),
    ],
)
def test_a_status_changes_only_after_so_many_answers_in_a_row(text, statuses) -> None:
    assert "".join(answers(text)) == statuses


@given(st.text("+-", max_size=30), st.integers(1, 5), st.integers(1, 5))
def test_thresholds_count_answers_in_a_row(text, failures, passes) -> None:
    said = answers(text, Thresholds(failures, passes))
    for at in range(1, len(said)):
        if said[at] != said[at - 1]:
            needed = passes if said[at] == "p" else failures
            assert text[: at + 1].endswith(("+" if said[at] == "p" else "-") * needed)


def test_a_threshold_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Thresholds(failures=0)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_a_bound_and_are_never_nothing(failures, roll) -> None:
    pause = Backoff(0.2, 10).pause(failures, roll)
    assert 0.1 <= pause <= 10
    assert Backoff(0.2, 10).pause(failures + 1, roll) >= pause


def test_looks_leave_as_much_time_as_they_take() -> None:
    assert tick_gap(0.01, 0.1) == 0.1
    assert tick_gap(2.5, 0.1) == 2.5
    assert tick_gap(60, 0.1) == 3


# -- numbers -----------------------------------------------------------------------------------------------------


def test_prometheus_gets_help_type_and_escaped_labels() -> None:
    metrics = Metrics()
    metrics.count("faults_total", source='a"b\\c\nd')
    metrics.set("leader", 1)
    assert prometheus(metrics.samples()) == (
        "# HELP pryv_nomad_bridge_faults_total Failures by source.\n"
        "# TYPE pryv_nomad_bridge_faults_total counter\n"
        'pryv_nomad_bridge_faults_total{source="a\\"b\\\\c\\nd"} 1.0\n'
        "# HELP pryv_nomad_bridge_leader 1 while this bridge leads, 0 while it stands by.\n"
        "# TYPE pryv_nomad_bridge_leader gauge\n"
        "pryv_nomad_bridge_leader 1\n"
    )


def test_statsd_gets_gauges_and_what_counters_grew_by() -> None:
    metrics = Metrics()
    metrics.set("members", 3, state="active")
    metrics.count("ticks_total", 2, outcome="steady")
    assert metrics.statsd() == [b"pryv_nomad.bridge.members.active:3|g\npryv_nomad.bridge.ticks_total.steady:2|c"]
    assert metrics.statsd() == [b"pryv_nomad.bridge.members.active:3|g"]


def test_no_datagram_is_larger_than_a_network_takes() -> None:
    metrics = Metrics()
    for number in range(200):
        metrics.set("cores", number, status=f"status{number}")
    datagrams = metrics.statsd()
    assert len(datagrams) > 1
    assert max(map(len, datagrams)) <= 1400
    assert b"\n".join(datagrams).count(b"|g") == 200


# -- the catalog -------------------------------------------------------------------------------------------------


def item(entry: Entry, domain: str = "pryv.example") -> dict:
    return {"Node": entry.node(), "Service": entry.service(domain), "Checks": [entry.check()]}


ENTRY = Entry("co1", "ch", "192.0.2.1", 443, "1.9.2", State.DRAINING, "warning", "draining")


def test_an_entry_reads_back_as_it_was_written() -> None:
    seen = found(item(ENTRY), "pryv.example")
    assert seen is not None
    assert (seen.entry, seen.own, seen.whole) == (ENTRY, True, True)


def test_what_a_run_registered_reads_as_an_entry() -> None:
    body = payload(Member("co1", "ch"), "192.0.2.1", "pryv.example")
    node = {"Node": body["Node"], "Address": body["Address"], "Meta": body["NodeMeta"]}
    seen = found({"Node": node, "Service": body["Service"], "Checks": [body["Check"]]}, "pryv.example")
    assert seen is not None
    assert seen.whole
    assert seen.entry.state is State.ACTIVE


@pytest.mark.parametrize(
    "broken",
    [
        {"Node": ENTRY.node() | {"Address": "192.0.2.9"}},
        {"Node": ENTRY.node() | {"Meta": {}}},
        {"Service": ENTRY.service("pryv.example") | {"Tags": ["co1"]}},
        {"Service": ENTRY.service("pryv.example") | {"Tags": None}},
        {"Service": ENTRY.service("pryv.example") | {"Port": 0}},
        {"Service": ENTRY.service("pryv.example") | {"ID": "other"}},
        {"Checks": []},
        {"Checks": [ENTRY.check() | {"Status": "maintenance"}]},
        {"Checks": [ENTRY.check() | {"ServiceID": ""}]},
    ],
)
def test_what_somebody_changed_is_not_whole(broken) -> None:
    seen = found(item(ENTRY) | broken, "pryv.example")
    assert seen is not None
    assert not (seen.whole and seen.own)


def test_other_platforms_and_what_a_template_would_not_list_are_no_cores() -> None:
    assert found(item(ENTRY, "other.example"), "pryv.example") is None
    for lacking in ({"core": "co1"}, {"hosting": "ch"}, {"core": "a b", "hosting": "ch"}, None):
        meta = {"platform": "pryv.example", **lacking} if lacking is not None else None
        service = ENTRY.service("pryv.example") | {"Meta": meta}
        assert found(item(ENTRY) | {"Service": service}, "pryv.example") is None


def test_an_instance_without_a_state_is_listed() -> None:
    meta = {"core": "co1", "hosting": "ch", "platform": "pryv.example"}
    instance = {"ServiceMeta": meta, "ServiceAddress": "192.0.2.1"}
    assert listed([instance], "pryv.example") == {"co1": Listed("co1", "ch", "192.0.2.1")}
    assert listed([instance], "other.example") == {}


@pytest.mark.parametrize(
    ("ip", "node", "address", "warns"),
    [
        ("198.51.100.7", None, "198.51.100.7", False),
        ("", None, "", True),
        ("", {"Meta": {"pryv_public_ip": "203.0.113.5"}}, "203.0.113.5", False),
        ("", {"HTTPAddr": "[2600::1]:4646", "Name": "n"}, "2600::1", False),
        ("", {"HTTPAddr": "10.0.0.4:4646", "Name": "n"}, "10.0.0.4", True),
        ("", {"HTTPAddr": "host:4646", "Name": "n"}, "", True),
    ],
)
def test_an_address_comes_from_the_file_then_the_nodes_meta_then_the_node(ip, node, address, warns) -> None:
    found_address, warning = address_of(Member("co1", "ch", ip), node)
    assert (found_address, bool(warning)) == (address, warns)
