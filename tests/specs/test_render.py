"""What a platform's specs are, and what of them a change touches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from pryv_nomad.errors import SpecError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.specs import hcl
from pryv_nomad.specs.render import Spec, render, selected, validated
from tests.specs.reading import groups, job, tasks
from tests.specs.rendered import SMALLEST, cluster, distinct, example

ORDER = [
    *("pryv-redis", "pryv-redis-replica", "pryv-registry", "pryv-dns", "pryv-dns-replica"),
    *("pryv-registry-edge", "pryv-registry-edge-replica"),
    *(f"pryv-{kind}-{core}" for core in ("co1", "co2", "co3", "co4") for kind in ("data", "core", "edge")),
    "pryv-static",
]


def by_id(cluster: Cluster) -> dict[str, Spec]:
    return {spec.job_id: spec for spec in render(cluster)}


@cache
def base() -> dict[str, Spec]:
    return by_id(cluster())


def changed(*sets: str) -> set[str]:
    """The jobs of the smallest platform that `sets` change."""
    before, after = base(), by_id(cluster(SMALLEST, *sets))
    return {name for name in before.keys() | after.keys() if _hash(before, name) != _hash(after, name)}


def _hash(specs: dict[str, Spec], name: str) -> str:
    return specs[name].hash if name in specs else ""


def of_cores(*kinds: str) -> set[str]:
    return {f"pryv-{kind}-co{number}" for kind in kinds for number in (1, 2, 3)}


def test_jobs_come_in_the_order_in_which_they_start() -> None:
    assert [spec.job_id for spec in render(example("two-hostings"))] == ORDER


def test_a_single_machine_has_one_edge_for_all_its_roles() -> None:
    specs = by_id(example("single-machine-lab"))
    assert [name for name in specs if "edge" in name] == ["pryv-edge"]
    assert specs["pryv-edge"].owner == "platform"
    assert [*groups(specs["pryv-static"])] == ["app"]


def test_a_core_outside_nomad_has_no_jobs() -> None:
    assert not any(spec.owner == "co5" for spec in render(example("two-hostings")))


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (["images.overrides.core=pryvio/core:1.9.3"], of_cores("core")),
        (["images.overrides.nginx=pryvio/nginx:2"], {*of_cores("edge"), "pryv-registry-edge", "pryv-static"}),
        (["images.overrides.mongodb=pryvio/mongodb:7"], of_cores("data")),
        (["settings.EMAIL_TEMPLATES_DEFAULT_LANG=fr"], {"pryv-registry"}),
        (["settings.MFA_MODE=single", "settings.MFA_SESSIONS_TTL_SECONDS=60"], of_cores("core")),
        (["settings.INVITATION_TOKENS=[enter-here]"], {"pryv-registry", "pryv-dns"}),
        (["update.canary_weight=10"], of_cores("edge")),
        (["secrets.generations.CORE_MAIL_KEY=1"], {*of_cores("core"), "pryv-registry"}),
        (["secrets.generations.SSO_COOKIE_SIGN_SECRET=1"], of_cores("core")),
        (["registry.register.instances=3"], {"pryv-registry"}),
        (["cores[0].procs=2"], of_cores("core")),
        (["hostings.ch.name=Suisse"], {"pryv-registry", "pryv-dns"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_change_touches_the_jobs_that_use_it_and_no_other(sets: Sequence[str], expected: set[str]) -> None:
    assert changed(*sets) == expected


def test_another_core_changes_nothing_of_those_that_are_there() -> None:
    before, after = base(), by_id(cluster(SMALLEST.replace("co[1-3]", "co[1-4]")))
    assert after.keys() - before.keys() == {"pryv-data-co4", "pryv-core-co4", "pryv-edge-co4"}
    assert all(after[name].hash == spec.hash for name, spec in before.items())


def test_a_rotation_is_a_comment_in_the_files_that_hold_the_secret() -> None:
    before, after = cluster(), cluster(SMALLEST, "secrets.generations.CORE_MAIL_KEY=3")
    texts = []
    for old, new in zip(render(before), render(after), strict=True):
        for (_, one), (_, two) in zip(tasks(old), tasks(new), strict=True):
            for former, present in zip(one.get("Templates") or [], two.get("Templates") or [], strict=True):
                if former != present:
                    assert present["EmbeddedTmpl"].endswith(former["EmbeddedTmpl"])
                    texts.append((two["Name"], present["EmbeddedTmpl"].partition("\n")[0]))
    assert set(texts) == {("core", "{{- /* generation: CORE_MAIL_KEY 3 */ -}}"), ("mail", texts[0][1])}


@pytest.mark.parametrize("name", ["two-hostings", "single-machine-lab"])
def test_the_text_alone_says_what_the_json_says(name: str) -> None:
    for spec in render(example(name)):
        assert hcl.canonical(hcl.convert(hcl.parse(spec.hcl))) == spec.json_text


def test_a_fleet_is_a_handful_of_texts() -> None:
    fleet = example("fleet-1000")
    specs = validated(render(fleet))
    assert len(specs) > 3000
    assert len({id(spec.shape) for spec in specs}) < 30
    assert sum(1 for _ in distinct(fleet)) == len({id(spec.shape) for spec in specs})


def test_specs_are_the_same_in_every_process(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(SMALLEST)
    program = (
        "import sys; from pathlib import Path; from pryv_nomad.model.load import load_cluster;"
        "from pryv_nomad.specs.render import render;"
        "print([spec.hash for spec in render(load_cluster([Path(sys.argv[1])], (), {}))])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program, str(file)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_no_job_or_group_has_meta_whose_change_would_replace_databases() -> None:
    for spec in render(example("two-hostings")):
        assert not job(spec).get("Meta")
        assert not any(group.get("Meta") for group in groups(spec).values())
        assert not any(task.get("Meta") for _, task in tasks(spec))


def test_a_pattern_chooses_jobs_and_a_wrong_one_is_an_error() -> None:
    specs = list(render(cluster()))
    assert {spec.job_id for spec in selected(specs, ["pryv-data-*", "pryv-dns"])} == {*of_cores("data"), "pryv-dns"}
    assert selected(specs, ()) == specs
    with pytest.raises(SpecError, match="no job is called pryv-nothing"):
        selected(specs, ["pryv-nothing"])


def test_a_name_that_is_too_long_for_a_job_is_refused() -> None:
    long = "c" * 60
    with pytest.raises(SpecError, match=f"pryv-data-{long} is 70 characters long, 63 are allowed"):
        list(render(cluster(SMALLEST.replace("co[1-3]", long))))


def test_json_is_canonical() -> None:
    for spec in render(cluster()):
        assert spec.json_text == json.dumps(
            json.loads(spec.json_text), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
