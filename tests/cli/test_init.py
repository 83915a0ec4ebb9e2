"""`init`: a file to begin with, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.cli import invoke


def test_the_file_it_writes_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(["init", "--domain", "lab.example", "--name", "Our: lab"]) == 0
    assert "domain: lab.example" in (tmp_path / "cluster.yml").read_text()
    assert invoke(["validate"]) == 0


def test_it_replaces_nothing_unless_forced(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text("mine")
    assert invoke(["init", "-o", str(file)]) == 6
    assert file.read_text() == "mine"
    assert "nothing was written" in capfd.readouterr().err
    assert invoke(["init", "-o", str(file), "--force"]) == 0
    assert file.read_text().startswith("# A Pryv.io platform.")


def test_a_dash_prints_it(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(["init", "-o", "-"]) == 0
    assert capfd.readouterr().out.startswith("# A Pryv.io platform.")
    assert list(tmp_path.iterdir()) == []


def test_a_domain_that_is_none_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["init", "--domain", "Not A Domain", "-o", str(tmp_path / "x.yml")]) == 3
    assert "--domain: not a domain" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert invoke(["init", "-o", str(tmp_path / "file" / "x.yml")]) == 6
    assert "cannot be written" in capfd.readouterr().err
