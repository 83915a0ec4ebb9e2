"""An operator drains, undrains and removes a core; the bridge goes on from there. Against a real Consul."""

from __future__ import annotations

import pytest

from pryv_nomad.bridge.changes import change_state
from pryv_nomad.bridge.desired import decode, desired_key
from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.bridge.mirror import read
from pryv_nomad.bridge.states import State
from pryv_nomad.errors import NotFound, Refused, Unreachable
from tests.bridge.running import DOMAIN, catalog, empty, listed, running, want, wanting
from tests.bridge.small_nomad import stubs
from tests.consul_server import until

NOW = "2026-03-03T00:00:00Z"


@pytest.fixture
def platform(consul, nomad):
    """co1 and co2, listed by a bridge that has stopped."""
    want(consul, wanting("co1", "co2"))
    nomad.runs(*stubs("co1"), *stubs("co2"))
    with running(consul, nomad.client()):
        until(lambda: listed(consul) == {"co1", "co2"}, 15, "both are listed")
        until(lambda: "pryv-nomad/generation" in nomad.variables, 10, "the mirror is written")
    return consul


def change(consul, nomad, core: str, to: State):
    return change_state(consul, nomad.client(), DOMAIN, core, to, NOW)


def mirrored(nomad, core: str):
    return read({path: items for path, (items, _) in nomad.variables.items()}).members[core]


def count(consul) -> int:
    return int(consul.kv_get(generation_key(DOMAIN))[0])


def test_a_drained_core_stays_listed_and_comes_back(platform, nomad) -> None:
    before = count(platform)
    changed = change(platform, nomad, "co1", State.DRAINING)
    assert (changed.before.state, changed.after.state, changed.after.since) == ("active", "draining", NOW)
    assert changed.warning == ""
    assert catalog(platform)["co1"].entry.state is State.DRAINING
    assert listed(platform) == {"co1", "co2"}
    assert count(platform) == before + 1
    assert mirrored(nomad, "co1") == changed.after
    with running(platform, nomad.client()):
        until(lambda: catalog(platform)["co1"].entry.status == "warning", 10, "its check says so")
        assert change(platform, nomad, "co1", State.ACTIVE).after.state is State.ACTIVE
        until(lambda: catalog(platform)["co1"].entry.status == "passing", 10, "its check says so")


def test_a_removed_core_is_out_at_once_and_stays_out(platform, nomad) -> None:
    change(platform, nomad, "co2", State.GONE)
    assert listed(platform) == {"co1"}
    assert [core.name for core in decode(platform.kv_get(desired_key(DOMAIN))[0]).cores] == ["co1"]
    with running(platform, nomad.client(), full_s=0.3) as bridge:
        until(lambda: any(each.startswith("1 core listed") for each in bridge.sentences()), 10, "it looks")
        until(lambda: bridge.last == "1 core listed; nothing to do", 10, "it is quiet")
        assert listed(platform) == {"co1"}
    assert mirrored(nomad, "co2").state is State.GONE


def test_while_a_bridge_runs_a_removal_is_not_undone(platform, nomad) -> None:
    with running(platform, nomad.client(), full_s=0.3) as bridge:
        until(lambda: bridge.last == "2 cores listed; nothing to do", 10, "it is quiet")
        change(platform, nomad, "co2", State.GONE)
        until(lambda: bridge.last == "1 core listed; nothing to do", 10, "it is quiet again")
        assert listed(platform) == {"co1"}


def test_a_removal_without_nomad_is_mirrored_later(platform, nomad) -> None:
    nomad.set_down(True)
    changed = change(platform, nomad, "co2", State.GONE)
    assert "the bridge brings it up to date" in changed.warning
    nomad.set_down(False)
    assert mirrored(nomad, "co2").state is State.ACTIVE
    with running(platform, nomad.client()):
        until(lambda: mirrored(nomad, "co2").state is State.GONE, 15, "the mirror follows")


def test_a_core_is_removed_from_an_emptied_consul_by_what_the_mirror_knows(platform, nomad) -> None:
    """With a record that is newer than the mirror's, which would bring the core back otherwise."""
    change(platform, nomad, "co2", State.DRAINING)
    empty(platform)
    changed = change(platform, nomad, "co2", State.GONE)
    assert changed.after.generation == changed.before.generation + 1 > 3
    want(platform, wanting("co1"))
    with running(platform, nomad.client()) as bridge:
        until(lambda: bridge.last == "1 core listed; nothing to do", 15, "it is quiet")
        assert listed(platform) == {"co1"}
    empty(platform)
    nomad.set_down(True)
    with pytest.raises(Unreachable):
        change(platform, nomad, "co1", State.GONE)


def test_what_is_so_already_changes_nothing(platform, nomad) -> None:
    before = count(platform)
    assert change(platform, nomad, "co1", State.ACTIVE).after.state is State.ACTIVE
    assert count(platform) == before


def test_an_unknown_core_and_a_state_that_does_not_follow_are_refused(platform, nomad) -> None:
    with pytest.raises(NotFound, match="co9 is not known"):
        change(platform, nomad, "co9", State.GONE)
    change(platform, nomad, "co1", State.GONE)
    with pytest.raises(Refused, match="is gone, which cannot become draining"):
        change(platform, nomad, "co1", State.DRAINING)
    with pytest.raises(Refused, match="cannot become joining"):
        change(platform, nomad, "co2", State.JOINING)
