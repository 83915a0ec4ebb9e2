"""`pryv-nomad render` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pryv_nomad.cli import invoke
from tests.specs.rendered import SMALLEST


@pytest.fixture(autouse=True)
def _cluster_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRYV_NOMAD_CLUSTER", raising=False)
    Path("cluster.yml").write_text(SMALLEST)


def test_one_file_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["render", "-o", "out"]) == 0
    names = {path.name for path in Path("out").iterdir()}
    assert len(names) == 14
    assert "pryv-core-co2.nomad.hcl" in names
    assert "14 jobs in out" in capsys.readouterr().err
    assert Path("out/pryv-core-co2.nomad.hcl").read_text().startswith('variable "core" {')


def test_json_is_what_the_api_takes() -> None:
    assert invoke(["render", "-o", "out", "--format", "json", "--only", "pryv-data-*"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [f"pryv-data-co{n}.json" for n in (1, 2, 3)]
    assert json.loads(Path("out/pryv-data-co1.json").read_text())["Job"]["ID"] == "pryv-data-co1"


def test_without_a_folder_it_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["render", "--only", "pryv-dns"]) == 0
    assert capsys.readouterr().out.startswith("# pryv-dns.nomad.hcl\njob")
    assert invoke(["render", "--format", "json", "--only", "pryv-data-*"]) == 0
    assert [json.loads(line)["Job"]["ID"] for line in capsys.readouterr().out.splitlines()] == [
        f"pryv-data-co{number}" for number in (1, 2, 3)
    ]


def test_files_of_jobs_that_are_gone_are_named_and_removed_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    invoke(["render", "-o", "out"])
    Path("out/notes.txt").write_text("mine")
    Path("cluster.yml").write_text(SMALLEST.replace("co[1-3]", "co[1-2]"))
    assert invoke(["render", "-o", "out"]) == 0
    assert "out/pryv-data-co3.nomad.hcl: not part of the platform" in capsys.readouterr().err
    assert Path("out/pryv-data-co3.nomad.hcl").exists()
    assert invoke(["render", "-o", "out", "--only", "pryv-core-*", "--clean"]) == 0
    assert not Path("out/pryv-core-co3.nomad.hcl").exists()
    assert Path("out/pryv-data-co3.nomad.hcl").exists()
    assert invoke(["render", "-o", "out", "--clean"]) == 0
    assert not Path("out/pryv-data-co3.nomad.hcl").exists()
    assert Path("out/notes.txt").read_text() == "mine"


def test_an_error_leaves_the_folder_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    invoke(["render", "-o", "out"])
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    Path("own").mkdir()
    Path("own/static.nomad.hcl.j2").write_text('job "pryv-static" {\n  wrong = 1\n}\n')
    Path("cluster.yml").write_text(SMALLEST.replace("Lab", "Laboratory"))
    assert invoke(["--templates", "own", "render", "-o", "out"]) == 4
    assert "static.nomad.hcl:2:3" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before
    assert {path.name for path in Path().iterdir()} == {"cluster.yml", "out", "own"}


def test_a_folder_that_cannot_be_written_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    assert invoke(["render", "-o", "file/out"]) == 4
    assert "file" in capsys.readouterr().err


def test_a_pattern_that_fits_no_job_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["render", "--only", "core"]) == 4
    assert "no job is called core" in capsys.readouterr().err


def test_clean_needs_a_folder() -> None:
    assert invoke(["render", "--clean"]) == 2
