"""The JSON Schema agrees with what loads."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from pryv_nomad.model import releases
from pryv_nomad.model.schema import json_schema
from tests.model.support import SMALLEST, laid_over
from tests.model.test_hostile_text import FULL

VALIDATOR = jsonschema.Draft202012Validator(json_schema(releases.load_catalogue("1.9")))


def test_the_schema_is_one_of_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    assert VALIDATOR.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("document", [SMALLEST, FULL], ids=["smallest", "full"])
def test_sound_files_fit(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "wrong",
    [
        {"platfrom": {}},
        {"datacenters": "dc1"},
        {"update": {"canary": 2}},
        {"settings": {"MAX_UPLOAD_SIZE": 1}},
        {"settings": {"MAX_UPLOAD_SIZE_MB": "1"}},
        {"settings": {"MFA_MODE": "sms"}},
        {"settings": {"DOMAIN": "x.example"}},
        {"settings": {"REGISTER_ADMIN_KEY": "x"}},
        {"settings": {"INVITATION_TOKENS": ["abc"]}},
        {"cores": [{"name": "co1"}]},
    ],
)
def test_what_does_not_load_does_not_fit(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(laid_over(SMALLEST, wrong))


def test_every_key_has_a_description() -> None:
    for name, section in VALIDATOR.schema["$defs"].items():
        for key, value in section["properties"].items():
            assert value.get("description"), f"{name}.{key}"
