"""The examples of docs/gates.md are valid, and every kind of gate is in them."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pryv_nomad.model.file import Rollout
from pryv_nomad.model.gates import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "gates.md"


def test_the_examples_are_valid() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    sections = [Rollout.model_validate(yaml.safe_load(block)["rollout"]) for block in blocks]
    assert {gate.kind for section in sections for gate in section.gates} == set(KINDS)
    assert any(section.hooks for section in sections)
    assert any(section.notifications.webhooks for section in sections)
