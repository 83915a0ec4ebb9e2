"""The state of a local cluster reads back as it was written, for its owner only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pryv_nomad.dev.state import DevState, Running, load, save, state_file
from pryv_nomad.errors import Refused

STATE = DevState(
    mode="real",
    ports={"nomad": 4646, "consul": 8500},
    network="127.0.1.0/24",
    addresses={"co1": "127.0.1.1"},
    interfaces=("pn12345-101",),
    processes=(Running("nomad-co1", 4711, "boot:99", "f00", "/tmp/log"),),
)


def test_state_reads_back_as_written(tmp_path: Path) -> None:
    save(tmp_path, STATE)
    assert load(tmp_path) == STATE
    assert stat.S_IMODE(state_file(tmp_path).stat().st_mode) == 0o600


def test_no_state_is_none(tmp_path: Path) -> None:
    assert load(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "processes": [{"pid": 1}]}', "null"]
)
def test_a_file_that_is_not_a_state_is_refused(tmp_path: Path, text: str) -> None:
    state_file(tmp_path).write_text(text)
    with pytest.raises(Refused, match=r"state\.json cannot be read"):
        load(tmp_path)


def test_a_process_replaces_one_of_its_name() -> None:
    newer = Running("nomad-co1", 4712, "boot:100", "f00", "/tmp/log")
    assert STATE.with_process(newer).processes == (newer,)
    assert STATE.without("nomad-co1").processes == ()


def test_addresses_are_those_that_the_programs_environment_variables_want() -> None:
    assert (STATE.nomad, STATE.consul) == ("http://127.0.0.1:4646", "http://127.0.0.1:8500")
