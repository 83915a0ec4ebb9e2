"""Own templates come first, file by file, and what is wrong with one is said with its name and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.errors import HclError, SpecError
from pryv_nomad.resources import resource_dir
from pryv_nomad.specs.layout import tidy
from pryv_nomad.specs.render import Spec, render
from tests.specs.reading import groups, job
from tests.specs.rendered import SMALLEST, cluster

SMALL = cluster()


def static(folder: Path, text: str) -> Spec:
    """The static site's job, made by `text` in place of the shipped template."""
    (folder / "static.nomad.hcl.j2").write_text(text)
    return next(spec for spec in render(SMALL, folder) if spec.job_id == "pryv-static")


def test_an_own_template_takes_the_place_of_the_shipped_one_and_of_no_other(tmp_path: Path) -> None:
    shipped = (resource_dir("jobs") / "static.nomad.hcl.j2").read_text()
    (tmp_path / "static.nomad.hcl.j2").write_text(shipped.replace("priority=60", "priority=55"))
    before = {spec.job_id: spec.hash for spec in render(SMALL)}
    after = {spec.job_id: spec for spec in render(SMALL, tmp_path)}
    assert {name for name, spec in after.items() if spec.hash != before[name]} == {"pryv-static"}
    assert job(after["pryv-static"])["Priority"] == 55


def test_an_own_fragment_reaches_every_job(tmp_path: Path) -> None:
    shipped = (resource_dir("jobs") / "_group.nomad.hcl.j2").read_text()
    (tmp_path / "_group.nomad.hcl.j2").write_text(shipped.replace('interval = "10s"', 'interval = "20s"'))
    for spec in render(SMALL, tmp_path):
        for group in groups(spec).values():
            for service in group.get("Services") or ():
                for check in service.get("Checks") or ():
                    assert check["Interval"] == 20_000_000_000


def test_an_own_template_may_do_without_a_variable(tmp_path: Path) -> None:
    (tmp_path / "edge.nomad.hcl.j2").write_text(
        'variable "core" {\n  type = string\n  default = [[ vars.core ]]\n}\n'
        'job "e" {\n  id = "pryv-edge-${var.core}"\n'
        'name = "e"\n  group "g" {\n    task "t" {\n      driver = "docker"\n    }\n  }\n}\n'
    )
    found = next(spec for spec in render(SMALL, tmp_path) if spec.job_id == "pryv-edge-co2")
    assert job(found)["ID"] == "pryv-edge-co2"
    assert 'default = "co2"' in found.hcl


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('job "a" {\n[[ nothing ]]\n}', SpecError, r"static\.nomad\.hcl\.j2:2: 'nothing' is undefined"),
        ("[% if %]", SpecError, r"static\.nomad\.hcl\.j2:1: "),
        ('[% import "missing.j2" as x %]', SpecError, "there is no job template missing.j2"),
        ('job "a" {\n  group "b" {\n', HclError, r"static\.nomad\.hcl:"),
        ('job "a" {\n  wrong = 1\n}', HclError, r"static\.nomad\.hcl:2:\d+: "),
        ('job "a" {\n  group "b" {\n  }\n}', SpecError, "static.nomad.hcl.j2: group b: it has no task"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, error: type[SpecError], message: str) -> None:
    with pytest.raises(error, match=message):
        static(tmp_path, text)


def test_a_folder_that_is_not_there_is_said_before_anything_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such folder of job templates"):
        render(SMALL, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (
            'count = 1\n update {\n min_healthy_time = "6m"\n healthy_deadline = "5m"\n }',
            "min_healthy_time must be below",
        ),
        ('update {\n healthy_deadline = "20m"\n progress_deadline = "10m"\n }', "healthy_deadline must be below"),
        ("update {\n auto_promote = true\n }", "auto_promote without canaries"),
        ('meta {\n version = "1"\n }', "meta on a group"),
    ],
)
def test_what_nomad_refuses_or_what_replaces_databases_is_refused_here(
    tmp_path: Path, group: str, message: str
) -> None:
    task = 'task "t" {\n driver = "docker"\n }'
    with pytest.raises(SpecError, match=message):
        static(tmp_path, f'job "a" {{\n group "b" {{\n {group}\n {task}\n }}\n}}')


def test_two_canaried_groups_promote_alike(tmp_path: Path) -> None:
    groups = "".join(
        f'group "g{auto}" {{\n update {{\n canary = 1\n auto_promote = {auto}\n }}\n'
        'task "t" {\n driver = "docker"\n }\n }\n'
        for auto in ("true", "false")
    )
    with pytest.raises(SpecError, match="same auto_promote"):
        static(tmp_path, f'job "a" {{\n {groups} }}')


def test_what_nomad_would_replace_in_an_environment_is_refused(tmp_path: Path) -> None:
    text = 'job "a" {\n group "b" {\n task "t" {\n driver = "docker"\n env {\n A = "$${secret}"\n }\n }\n }\n}'
    with pytest.raises(SpecError, match="group b: task t: env A: Nomad would replace"):
        static(tmp_path, text)


def test_layout_leaves_heredocs_to_the_letter() -> None:
    text = 'a {\nb = 1\n\n\n\nlong_name = "}{"\n  data = <<EOT\n  {\n x = 1\n\n\n]\nEOT\n\n}\n'
    assert tidy(text) == ('a {\n  b = 1\n\n  long_name = "}{"\n  data      = <<EOT\n  {\n x = 1\n\n\n]\nEOT\n}\n')


def test_release_without_a_component_of_a_job_is_an_error() -> None:
    small = cluster(SMALLEST)
    components = {name: facts for name, facts in small.release.components.items() if name != "redis"}
    object.__setattr__(small, "release", small.release.model_copy(update={"components": components}))
    with pytest.raises(SpecError, match="has no component redis"):
        list(render(small))
