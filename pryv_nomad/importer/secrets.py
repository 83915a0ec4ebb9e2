"""The secrets of a config-leader folder: they go to Nomad Variables, never into a cluster file."""

from __future__ import annotations

from typing import Any

from pryv_nomad.importer.leader import PLACEHOLDER, LeaderFolder

VARIABLES = frozenset({"REGISTER_ADMIN_KEY"})
"""Platform variables that are secrets as a whole."""

SMTP_USER, SMTP_PASSWORD = "EMAIL_SMTP_USER", "EMAIL_SMTP_PASSWORD"
"""Keys of the mail account, which the original keeps inside EMAIL_SMTP_SETTINGS."""


def secrets_of(folder: LeaderFolder) -> dict[str, str]:
    """Key → value of every secret that is filled in."""
    values = {name: folder.variables.get(name) for name in VARIABLES}
    values.update(folder.internals)
    smtp = folder.variables.get("EMAIL_SMTP_SETTINGS")
    if isinstance(smtp, dict) and isinstance(smtp.get("auth"), dict):
        values[SMTP_PASSWORD] = smtp["auth"].get("pass")
    return {key: str(value) for key, value in values.items() if value and PLACEHOLDER not in str(value)}


def without_secrets(name: str, value: Any) -> Any:
    """The value of a platform variable without what is secret in it."""
    if name != "EMAIL_SMTP_SETTINGS" or not isinstance(value, dict) or not isinstance(value.get("auth"), dict):
        return value
    auth = {key: part for key, part in value["auth"].items() if key != "pass"}
    return {**value, "auth": auth}
