"""`pryv-nomad export` from the command line: its errors, warnings and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pryv_nomad.cli import cli, invoke
from tests.exports.platforms import cluster_data, written


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_what_a_target_cannot_express_is_said_on_stderr_and_in_the_files(tmp_path: Path) -> None:
    file = written(tmp_path, cluster_data(tls={"acme": {"enabled": True, "email": "ops@pryv.example"}}))
    found = run("-c", str(file), "-q", "export", "compose", "-o", str(tmp_path / "out"))
    assert found.exit_code == 0
    assert found.stdout == ""
    warnings = [line.removeprefix("warning: compose: ") for line in found.stderr.splitlines()]
    assert any("no canary" in warning for warning in warnings)
    assert any("tls.acme" in warning for warning in warnings)
    for name in ("core-co1/pryv.yml", "README.md"):
        text = (tmp_path / "out" / name).read_text()
        assert all(warning in text for warning in warnings)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "mesos", "-o", "out"], "'mesos' is not one of"),
        (["export", "compose"], "Missing option '-o'"),
        (["export", "-o", "out"], "Missing argument"),
        (["export", "compose", "-o", "out", "--endpoint-mode", "vip"], "--endpoint-mode is for the target swarm"),
    ],
)
def test_wrong_usage_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    file = written(tmp_path, cluster_data())
    assert invoke(["-c", str(file), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, cluster_data())
    assert invoke(["-c", str(file), "export", "compose", "-o", str(tmp_path)]) == 6
    assert "was not made by export" in capsys.readouterr().err


def test_a_missing_address_is_an_error_of_the_cluster_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = cluster_data()
    del data["cores"][1]["ip"]
    file = written(tmp_path, data)
    assert invoke(["-c", str(file), "export", "compose", "-o", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err
    assert "cores[1]: big has no ip" in said
    assert not (tmp_path / "out").exists()
