"""The wheel works outside the checkout: the program, its job templates and its examples are in it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what `pip install` would put into site-packages; dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def _run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pryv_nomad", *arguments],
        cwd=installed.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_program_says_its_version(installed: Path) -> None:
    from pryv_nomad import __version__

    assert _run(installed, "--version").stdout == f"pryv-nomad {__version__}\n"


def test_it_is_the_wheel_that_runs(installed: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-P", "-c", "import pryv_nomad; print(pryv_nomad.__file__)"],
        cwd=installed.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert Path(answer.stdout.strip()) == installed / "pryv_nomad" / "__init__.py"


@pytest.mark.parametrize("folder", ["jobs", "consul-templates", "examples"])
def test_the_files_that_a_user_reads_ship_with_it(installed: Path, folder: str) -> None:
    def names(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    assert names(installed / "pryv_nomad" / "_resources" / folder) == names(CHECKOUT / folder)


def test_the_program_has_its_name_on_the_path(installed: Path) -> None:
    (entry_points,) = installed.glob("pryv_nomad-*.dist-info/entry_points.txt")
    assert "pryv-nomad = pryv_nomad.__main__:main" in entry_points.read_text()


def test_specs_are_rendered_outside_the_checkout(installed: Path) -> None:
    example = installed / "pryv_nomad" / "_resources" / "examples" / "two-hostings" / "cluster.yml"
    answer = _run(installed, "-c", str(example), "render", "--output", str(installed.parent / "specs"))
    assert answer.returncode == 0, answer.stderr
    assert (installed.parent / "specs" / "pryv-core-co1.nomad.hcl").is_file()
