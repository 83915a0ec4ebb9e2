"""`validate`: all problems with their places, warnings apart, nothing but exit code 3."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.cli import invoke
from tests.cli.test_main import SMALLEST

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/cluster.yml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_is_valid_down_to_its_specs(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["-c", str(file), "validate"]) == 0
    told = capfd.readouterr()
    assert "release 1.9.2" in told.err
    assert "warning" not in told.err
    assert told.out == ""


def test_every_error_is_told_with_its_place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(SMALLEST + "update: {canari: 1, healthy_deadline: 5}\n")
    assert invoke(["-c", str(file), "validate"]) == 3
    assert capfd.readouterr().err.splitlines() == [
        f"error: update.healthy_deadline: must be text, not 5 ({file}:6:39)",
        f"error: update.canari: unknown key ({file}:6:10); did you mean canary?",
    ]


def test_checks_are_told_after_the_file_reads(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(SMALLEST + "static: {ip: 10.0.0.1}\nupdate: {min_healthy_time: 1h}\n")
    assert invoke(["-c", str(file), "validate"]) == 3
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("warning: static.ip: 10.0.0.1 is a private address")
    assert lines[1].startswith("error: update.healthy_deadline: 5m must be longer than min_healthy_time")


def test_warnings_do_not_fail_unless_strict(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(SMALLEST + "static: {ip: 10.0.0.1}\n")
    assert invoke(["-c", str(file), "validate"]) == 0
    assert ", 1 warning" in capfd.readouterr().err
    assert invoke(["-c", str(file), "validate", "--strict"]) == 3


def test_quiet_says_nothing_when_all_is_well(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(SMALLEST)
    assert invoke(["-q", "-c", str(file), "validate"]) == 0
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


def test_without_a_file_it_says_how_to_begin(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRYV_NOMAD_CLUSTER", raising=False)
    assert invoke(["validate"]) == 3
    told = capfd.readouterr().err
    assert "cluster.yml: there is no such file" in told
    assert "pryv-nomad init" in told


def test_files_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, over = tmp_path / "base.yml", tmp_path / "over.yml"
    base.write_text(SMALLEST)
    over.write_text("update: {min_healthy_time: 1h}\n")
    monkeypatch.setenv("PRYV_NOMAD_CLUSTER", str(base))
    assert invoke(["validate"]) == 0
    monkeypatch.setenv("PRYV_NOMAD_CLUSTER", f"{base}:{over}")
    assert invoke(["validate"]) == 3
