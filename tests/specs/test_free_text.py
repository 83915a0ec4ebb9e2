"""Every free text of the cluster file reads back unchanged from the job it ends up in (invariant 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import Constraint
from pryv_nomad.settings.files import files
from pryv_nomad.specs.escape import go_string
from pryv_nomad.specs.render import render
from tests.specs.reading import job, task, tasks, template, written
from tests.specs.rendered import FREE_TEXTS, ODD, cluster, with_text

CORE_TASKS = ("core", "hfs", "preview", "webhooks", "mfa", "register", "dns", "mail")
SMALL = cluster()


def check(cluster: Cluster) -> int:
    """Hold each file of each task against its literal parts; the number of texts found."""
    found = 0
    for spec in render(cluster):
        if spec.owner not in ("registry", "co1"):
            continue
        for _, each in tasks(spec):
            if each["Name"] not in CORE_TASKS:
                continue
            texts = {file["DestPath"]: written(file["EmbeddedTmpl"]) for file in each.get("Templates") or ()}
            for file in files(cluster, each["Name"], spec.owner):
                path = next(path for path in texts if path.endswith(f"/conf/{file.path}"))
                found += _in_order(texts[path], [part for part in file.parts if isinstance(part, str)])
    return found


def _in_order(text: str, parts: list[str]) -> int:
    at = 0
    for part in parts:
        place = text.find(part, at)
        assert place >= 0, (part, text[at : at + 200])
        at = place + len(part)
    return len(parts)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_reach_the_files_unchanged(text: str) -> None:
    assert check(with_text(SMALL, text)) > 20


@settings(max_examples=15)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_text_reaches_the_files_unchanged(text: str) -> None:
    assert check(with_text(SMALL, text)) > 20


def test_the_free_texts_under_test_are_settings() -> None:
    assert set(FREE_TEXTS) <= set(SMALL.settings)


@pytest.mark.parametrize("text", [text for text in ODD if text.isprintable()])
def test_odd_constraints_reach_nomad_unchanged(text: str) -> None:
    """Nomad compares a constraint's value as it is, but for `${…}`, which an operator means."""
    constraint = Constraint(attribute="${attr.cpu.arch}", operator="!=", value=text)
    found = replace(SMALL, file=SMALL.file.model_copy(update={"constraints": (constraint,)}))
    for spec in render(found):
        assert job(spec)["Constraints"][-1] == {"LTarget": "${attr.cpu.arch}", "Operand": "!=", "RTarget": text}


@pytest.mark.parametrize("text", [text for text in ODD if text.isprintable()])
def test_odd_paths_of_vault_stay_arguments(text: str) -> None:
    tls = SMALL.file.tls.model_copy(update={"source": "vault", "vault_path": text, "vault_policies": ("tls",)})
    found = replace(SMALL, file=SMALL.file.model_copy(update={"tls": tls}))
    spec = next(spec for spec in render(found) if spec.job_id == "pryv-edge-co1")
    data = template(task(spec, "nginx"), "secret/pryv.example-key.pem")["EmbeddedTmpl"]
    assert data == f"{{{{ with secret {go_string(text)} }}}}{{{{ .Data.data.key }}}}{{{{ end }}}}\n"
