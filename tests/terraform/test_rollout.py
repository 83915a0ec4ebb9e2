"""The module pryv-rollout, for real: applied, changed, failed, taken up again, destroyed on the embedded simulator."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rollout.platform import Platform, platform
from tests.terraform.tools import PROGRAMS, ROOT, Tool

TOKEN = "a-token-that-must-not-be-kept"


class Applied:
    """A root module that calls pryv-rollout, on a platform that serves over HTTP."""

    def __init__(self, program: str, folder: Path, lab: Platform) -> None:
        self.tool, self.lab = Tool(program, folder), lab
        self.source = self.tool.prepare() / "modules" / "pryv-rollout"
        self.root = folder / "root"
        self.root.mkdir()
        self.env = {**lab.env, "PYTHONPATH": str(ROOT), "NOMAD_TOKEN": TOKEN, "CONSUL_HTTP_TOKEN": TOKEN}
        self.write()
        self.tool.ok(self.root, "init", "-no-color")

    def write(self, **arguments: object) -> None:
        given = {
            "source": str(self.source),
            "cluster_files": [str(self.lab.file)],
            "command": [sys.executable, "-m", "pryv_nomad"],
            **arguments,
        }
        (self.root / "main.tf.json").write_text(json.dumps({"module": {"pryv": given}}))

    def apply(self) -> str:
        return self.tool.ok(self.root, "apply", "-auto-approve", "-no-color", **self.env)

    def fail(self) -> str:
        """An apply that must fail; what it printed, without its line breaks."""
        done = self.tool.run(self.root, "apply", "-auto-approve", "-no-color", **self.env)
        assert done.returncode == 1, done.stdout
        return done.stdout.replace("\n", " ")

    def destroy(self) -> str:
        return self.tool.ok(self.root, "destroy", "-auto-approve", "-no-color", **self.env)

    @property
    def state(self) -> str:
        return (self.root / "terraform.tfstate").read_text()

    def statuses(self) -> set[str]:
        return {"stopped" if stub["Stop"] else "running" for stub in self.lab.nomad.list_jobs()}


@pytest.fixture
def applied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Applied]:
    """With the first of the programs here, unless the test asks for each."""
    if not PROGRAMS:
        pytest.skip("neither terraform nor tofu is on PATH")
    folder = tmp_path / "platform"
    folder.mkdir()
    with platform(folder) as lab:
        lab.secrets()
        yield Applied(getattr(request, "param", PROGRAMS[0]), tmp_path, lab)


def secret_values(lab: Platform) -> list[str]:
    """What is stored in Nomad Variables: keys, and the certificate's private key."""
    variables = [lab.nomad.variable(stub["Path"]) for stub in lab.nomad.variables()]
    return [value for variable in variables if variable for value in variable["Items"].values()]


@pytest.mark.parametrize("applied", PROGRAMS, indirect=True)
def test_a_platform_is_applied_changed_and_destroyed(applied: Applied) -> None:
    assert "pryv-core-co2: healthy" in applied.apply()
    first = applied.lab.indexes()
    assert "0 added, 0 changed, 0 destroyed" in applied.apply()
    assert applied.lab.indexes() == first

    applied.write(set={"images.overrides.mail": "pryvio/mail:1.9.0-1"}, allow_destroy=True)
    assert "told to stop" not in applied.apply()
    changed = applied.lab.indexes()
    assert {job for job in changed if changed[job] != first[job]} == {"pryv-registry"}

    assert "told to stop" in applied.destroy()
    assert applied.statuses() == {"stopped"}


def test_a_destroy_leaves_the_platform_running_unless_it_is_allowed(applied: Applied) -> None:
    applied.apply()
    assert "left running" in applied.destroy()
    assert applied.statuses() == {"running"}


def test_no_secret_reaches_the_state(applied: Applied) -> None:
    applied.apply()
    values = secret_values(applied.lab)
    assert len(values) > 5
    for value in [*values, TOKEN]:
        assert value not in applied.state
        assert json.dumps(value)[1:-1] not in applied.state


def test_a_failed_rollout_fails_the_apply_and_a_mended_file_is_a_trigger(applied: Applied) -> None:
    applied.lab.write(2, "images: {overrides: {mail: not an image}}\n")
    done = applied.fail()
    assert "images.overrides.mail: not an image" in done
    assert applied.lab.indexes() == {}
    applied.lab.write(2)
    assert "pryv-core-co2: healthy" in applied.apply()


def test_a_core_that_left_the_file_is_stopped_only_with_leave_to_destroy(applied: Applied) -> None:
    applied.apply()
    applied.lab.write(1)
    applied.write(prune=True)
    applied.tool.run(applied.root, "apply", "-auto-approve", "-no-color", **applied.env)
    assert applied.statuses() == {"running"}
    applied.write(prune=True, allow_destroy=True, triggers={"again": "1"})
    applied.apply()
    stopped = {stub["ID"] for stub in applied.lab.nomad.list_jobs() if stub["Stop"]}
    assert stopped == {"pryv-data-co2", "pryv-core-co2", "pryv-edge-co2"}
