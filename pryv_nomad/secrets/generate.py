"""New keys, from the system's random source."""

from __future__ import annotations

import secrets
import string

from pryv_nomad.errors import SecretsError

ALPHANUMERIC = string.ascii_letters + string.digits
SHORTEST, LONGEST = 20, 50
"""Length of a key of Pryv.io (template-platform.yml of 1.9.2, REGISTER_ADMIN_KEY)."""

_LENGTH = 40


def new_key(length: int = _LENGTH) -> str:
    """A random alphanumeric key; 40 characters hold 238 bits."""
    return "".join(secrets.choice(ALPHANUMERIC) for _ in range(length))


def check_key(key: str, value: str) -> None:
    """Raise SecretsError unless `value` is what Pryv.io takes as a key. The message never holds the value."""
    if not SHORTEST <= len(value) <= LONGEST or not set(value) <= set(ALPHANUMERIC):
        raise SecretsError(
            f"{key}: its value has {len(value)} characters or some that are not letters or digits",
            f"a key has {SHORTEST} to {LONGEST} letters and digits; `pryv-nomad secrets rotate {key}` makes one",
        )
