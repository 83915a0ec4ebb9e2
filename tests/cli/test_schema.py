"""`schema`: JSON Schema on standard output, and the list of releases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pryv_nomad.cli import invoke


def test_the_schema_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["schema"]) == 0
    schema = json.loads(capfd.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "MFA_ENDPOINTS" in schema["properties"]["settings"]["properties"]


def test_releases_are_listed_the_newest_first(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["schema", "--releases"]) == 0
    assert [line.split()[0] for line in capfd.readouterr().out.splitlines()] == ["1.9.2", "1.9.0"]


def test_a_users_release_brings_its_own_variables(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "7.yml").write_text("name: '7'\nsettings: seven\ncomponents: {}\n")
    (tmp_path / "settings-seven.yml").write_text(
        "variables: {GREETING: {type: string, default: hi, description: Hi.}}\n"
    )
    assert invoke(["schema", "--folder", str(tmp_path), "--release", "7"]) == 0
    settings = json.loads(capfd.readouterr().out)["properties"]["settings"]
    assert list(settings["properties"]) == ["GREETING"]


def test_an_unknown_release_ends_with_3(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["schema", "--release", "1.9.3"]) == 3
    assert "did you mean 1.9.2?" in capfd.readouterr().err
