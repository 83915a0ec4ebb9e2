"""`import` writes the file whole or not at all, and says on stderr what stayed behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pryv_nomad.cli import invoke

Make = Callable[[str], Path]


def test_an_imported_folder_validates(leader_folder: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root, file = leader_folder("cluster"), tmp_path / "cluster.yml"

    assert invoke(["import", str(root), "-o", str(file)]) == 0
    told = capfd.readouterr()
    assert "secrets init --from" in told.err
    assert told.out == ""
    assert invoke(["-c", str(file), "validate"]) == 0


def test_without_a_file_it_goes_to_standard_output(
    leader_folder: Make,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert invoke(["import", str(leader_folder("single-node"))]) == 0
    told = capfd.readouterr()
    assert "single_machine: true" in told.out
    assert "note:" not in told.out


def test_an_existing_file_stays(leader_folder: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root, file = leader_folder("cluster"), tmp_path / "cluster.yml"
    file.write_text("mine\n")

    assert invoke(["import", str(root), "-o", str(file)]) == 6
    assert file.read_text() == "mine\n"
    assert "--force" in capfd.readouterr().err
    assert invoke(["import", str(root), "-o", str(file), "--force"]) == 0
    assert file.read_text() != "mine\n"


def test_what_is_no_config_leader_folder_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["import", str(tmp_path)]) == 3
    assert "has no conf/platform.yml" in capfd.readouterr().err
