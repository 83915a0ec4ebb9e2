"""Keys have the form that Pryv.io takes, and no message shows one."""

from __future__ import annotations

import pytest

from pryv_nomad.errors import SecretsError
from pryv_nomad.secrets.generate import check_key, new_key


def test_new_keys_are_well_formed_and_differ() -> None:
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    for key in keys:
        check_key("CORE_SYSTEM_KEY", key)


@pytest.mark.parametrize("value", ["", "short1", "x" * 51, "with space and more text", 'quote"quote"quote"quote'])
def test_a_malformed_key_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(SecretsError, match="CORE_SYSTEM_KEY") as refusal:
        check_key("CORE_SYSTEM_KEY", value)
    assert not value or value not in f"{refusal.value.message}{refusal.value.remedy}"
