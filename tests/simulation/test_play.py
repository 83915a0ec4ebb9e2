"""A rollout played through: its times follow from the policy, and the decisions are the rollout's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pryv_nomad.cli import cli
from pryv_nomad.model.load import load_cluster
from pryv_nomad.simulation.play import Played, courses_of, play
from pryv_nomad.simulation.prepare import assumed_plan, deaths_of, homes_of, least_times, machines
from pryv_nomad.specs.render import render

TEXT = """\
platform: {domain: pryv.example, name: Lab}
release: 1.9.2
datacenters: [dc1]
hostings:
  ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}
  us: {datacenter: dc1, url: "https://us.example", name: US}
cores: [{name: "co[1-CORES]", hosting: ch}, {name: "us[1-CORES]", hosting: us}]
"""


def played(
    folder: Path, cores: int = 5, more: str = "", kinds: str = "core", deaths: tuple[str, ...] = (), **rest: Any
) -> Played:
    file = folder / "cluster.yml"
    file.write_text(TEXT.replace("CORES", str(cores)) + more)
    cluster = load_cluster([file])
    plan = assumed_plan(cluster, render(cluster), frozenset(kinds.split(",")))
    nodes = machines(cluster)
    homes = homes_of(nodes)
    courses = courses_of(plan, nodes, lambda _: None, 20.0)
    return play(plan, courses, homes, deaths_of(deaths, homes), least_times(plan.intent.policy), **rest)


def test_a_rollout_ends_with_every_core_changed_and_takes_as_long_as_its_cores_in_turn(tmp_path: Path) -> None:
    result = played(tmp_path)
    assert (result.status, result.changed, result.cores) == ("done", 10, 10)
    # start 20 s, min_healthy_time 15 s, one core of each hosting at a time: 1 + 4 in the waves of co1 and of its peers.
    assert 5 * 35 <= result.duration_s <= 10 * 35 * 1.1
    assert sum(count for count, _, _ in result.waves) == 10


@pytest.mark.parametrize("most", [1, 2, 5])
def test_never_more_cores_of_a_hosting_are_down_than_the_policy_allows(tmp_path: Path, most: int) -> None:
    result = played(tmp_path, 10, f"update: {{max_unavailable: {most}}}\n", "data,core,edge")
    assert result.status == "done"
    assert max(count for count, _ in result.down.values()) <= most
    assert max(count for count, _ in result.changing.values()) == most


def test_more_at_once_is_sooner_done(tmp_path: Path) -> None:
    times = [played(tmp_path, 10, f"update: {{max_unavailable: {n}}}\n").duration_s for n in (1, 2, 5)]
    assert times == sorted(times, reverse=True)


def test_pauses_and_gates_take_their_time(tmp_path: Path) -> None:
    plain = played(tmp_path, more='rollout: {waves: ["1", "100%"]}\n')
    gate = "{name: api, at: [wave], interval: 10s, count: 4, http: {url: 'https://{core}.pryv.example/'}}"
    paused = played(tmp_path, more=f'rollout: {{waves: ["1", "100%"], pause: 1h, gates: [{gate}]}}\n')
    assert paused.status == "done"
    assert paused.duration_s == pytest.approx(plain.duration_s + 3600 + 2 * 30, abs=3)


def test_a_node_that_dies_under_a_change_stops_the_rollout(tmp_path: Path) -> None:
    # The first wave is co1 alone; its machine is lost while its canary starts.
    result = played(tmp_path, deaths=("co1@10s",))
    assert result.status == "failed"
    assert "pryv-core-co1" in result.halted
    assert result.changed == 0
    # progress_deadline: 10m
    assert result.duration_s == pytest.approx(610, abs=2)


def test_a_node_that_dies_before_its_turn_finds_no_place(tmp_path: Path) -> None:
    result = played(tmp_path, deaths=("us5@10s",))
    assert result.status == "failed"
    assert "us5" in result.halted
    assert result.changed < 10
    assert result.down["us"][0] >= 1


def test_a_node_that_dies_after_its_turn_counts_as_down_and_stops_nothing(tmp_path: Path) -> None:
    result = played(tmp_path, deaths=("co1@40s",))
    assert result.status == "done"
    assert result.down["ch"][0] == 2


def test_what_is_left_out_of_sight_changes_nothing(tmp_path: Path) -> None:
    more = "update: {max_unavailable: 3}\n"
    full = played(tmp_path, 150, more, batch=1_000_000)
    narrow = played(tmp_path, 150, more, batch=1)
    assert narrow.as_json() == full.as_json()


def test_the_same_twice(tmp_path: Path) -> None:
    assert played(tmp_path, 20).as_json() == played(tmp_path, 20).as_json()


def test_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(TEXT.replace("CORES", "2"))
    runner = CliRunner()
    result = runner.invoke(cli, ["-c", str(file), "simulate"], catch_exceptions=False, standalone_mode=False)
    assert "4 of 4 cores changed in" in result.output
    result = runner.invoke(cli, ["-c", str(file), "simulate", "--json", "--node-dies", "co1@5s"], standalone_mode=False)
    assert result.return_value == 10
    assert json.loads(result.output)["nodes_lost"] == {"co1": 5.0}
    result = runner.invoke(cli, ["-c", str(file), "simulate", "--node-dies", "nobody@5s"])
    assert result.exit_code == 2
