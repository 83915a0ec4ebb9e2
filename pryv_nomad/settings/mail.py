"""mail.json and the mails' templates (service-mail 1.9.0).

service-mail looks for TEMPLATE/LANGUAGE/{subject,html}.pug below `templates.root` (its `src/mail/Template.js`); here
they stand below `templates/`, which is mounted at /app/bin/templates.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import ConfigFile, Secret
from pryv_nomad.settings.serialize import json_parts

TEMPLATES = "templates"
_LANGUAGES = ("en", "fr", "de")
_MAILS = {"welcome-email": "WELCOME", "reset-password": "RESET_PASSWORD"}
_PARTS = {"subject": "SUBJECT", "html": "TEMPLATE"}


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """mail's files."""
    return (
        ConfigFile("mail.json", json_parts(structure(cluster))),
        *(
            ConfigFile(f"{TEMPLATES}/{mail}/{language}/{part}.pug", (_template(cluster, mail, part, language),))
            for mail in _MAILS
            for language in _LANGUAGES
            for part in _PARTS
        ),
    )


def structure(cluster: Cluster) -> dict[str, Any]:
    """mail.json as data."""
    return {
        "logs": {
            "prefix": "",
            "console": {"active": True, "level": "info", "colorize": True},
            # Its console is what gets rotated; its file would grow without end.
            "file": {"active": False},
        },
        "email": {"message": {"from": values.value(cluster, "EMAIL_SENDER")}},
        "smtp": _smtp(cluster),
        "sendmail": values.value(cluster, "EMAIL_SENDMAIL_SETTINGS"),
        "http": {"ip": "0.0.0.0", "port": 9000, "auth": Secret("CORE_MAIL_KEY", quoted=True)},  # noqa: S104
        "templates": {
            "root": "/app/bin/templates",
            "defaultLang": values.value(cluster, "EMAIL_TEMPLATES_DEFAULT_LANG"),
        },
    }


def _smtp(cluster: Cluster) -> Any:
    """The SMTP settings with the password's secret in its place, where they log in at all."""
    smtp = values.value(cluster, "EMAIL_SMTP_SETTINGS")
    if not isinstance(smtp, dict) or not isinstance(smtp.get("auth"), dict):
        return smtp
    return smtp | {"auth": smtp["auth"] | {"pass": Secret("EMAIL_SMTP_PASSWORD", quoted=True)}}


def _template(cluster: Cluster, mail: str, part: str, language: str) -> str:
    return values.literal(cluster, f"{_MAILS[mail]}_{_PARTS[part]}_{language.upper()}")
