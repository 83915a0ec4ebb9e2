"""The recipe of the container image copies only what the build context lets through, and needs no root to run."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RECIPE = (CHECKOUT / "Dockerfile").read_text().splitlines()


def _copied() -> list[str]:
    copies = [line.split()[1:] for line in RECIPE if line.startswith("COPY ") and "--from=" not in line]
    return [source for *sources, _ in copies for source in sources]


def test_everything_copied_is_there_and_in_the_build_context() -> None:
    allowed = [line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(_copied()) == sorted(allowed)
    assert [source for source in _copied() if not (CHECKOUT / source).exists()] == []


def test_everything_that_the_wheel_is_built_of_is_copied() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text()
    forced = [line.split('"')[1] for line in text.splitlines() if '= "pryv_nomad/_resources/' in line]
    assert set(forced) <= set(_copied())


def test_the_container_runs_as_the_user_of_the_platforms_own_containers() -> None:
    assert "USER 9999:9999" in RECIPE
