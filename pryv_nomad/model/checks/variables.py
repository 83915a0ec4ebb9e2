"""Platform variables whose value has the right shape and still cannot work."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pryv_nomad.model.checks.finding import Finding, error, nearest, warning
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.validation import written

_CREDENTIAL = re.compile("auth|token|key|secret|password|cookie", re.IGNORECASE)

_SMTP_WITH_CREDENTIALS = frozenset({"url", "dkim", "proxy"})
"""Options of nodemailer that hold a password or a private key."""


def _is_address(value: Any, cluster: Cluster) -> bool:
    """An IP address, or a variable that holds one which Nomad's nodes will tell."""
    if value in cluster.catalogue.addresses:
        return True
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def name_servers_have_addresses(cluster: Cluster) -> Iterator[Finding]:
    """Each name server has an IP address."""
    for index, entry in enumerate(cluster.settings.get("NAME_SERVER_ENTRIES") or []):
        if not _is_address(entry["ip"], cluster):
            yield error(f"settings.NAME_SERVER_ENTRIES[{index}].ip", f"{written(entry['ip'])} is not an IP address")


def root_record_is_an_address(cluster: Cluster) -> Iterator[Finding]:
    """The domain's A record is an IP address."""
    value = cluster.settings.get("DNS_ROOT_DOMAIN_A_RECORD")
    if value is not None and not _is_address(value, cluster):
        yield error("settings.DNS_ROOT_DOMAIN_A_RECORD", f"{written(value)} is not an IP address")


def custom_entries_are_records(cluster: Cluster) -> Iterator[Finding]:
    """Each entry is a map: {ip: …} or {alias: [{name: …}]}."""
    entries = cluster.settings.get("DNS_CUSTOM_ENTRIES")
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        path = ("settings", "DNS_CUSTOM_ENTRIES", name)
        if not isinstance(entry, Mapping):
            yield error(path, "must be a map such as {ip: 203.0.113.7}")
        elif "ip" in entry and not _is_address(entry["ip"], cluster):
            yield error(path, f"{written(entry['ip'])} is not an IP address")


def mails_can_be_sent(cluster: Cluster) -> Iterator[Finding]:
    """Mails that are on need a server."""
    settings = cluster.settings
    active = settings.get("EMAIL_ACTIVATION") or {}
    if not any(active.values()):
        return
    if not cluster.file.registry.mail.enabled:
        yield error("settings.EMAIL_ACTIVATION", "mails are on, and registry.mail is off", "switch on registry.mail")
    sendmail = (settings.get("EMAIL_SENDMAIL_SETTINGS") or {}).get("active")
    if "EMAIL_SMTP_SETTINGS" not in cluster.file.settings and not sendmail:
        yield warning(
            "settings.EMAIL_ACTIVATION", "mails are on, and no SMTP server is named", "set EMAIL_SMTP_SETTINGS"
        )


def credentials_stand_in_the_open(cluster: Cluster) -> Iterator[Finding]:
    """What these settings hold stands in the job specs, where whoever may read jobs reads it."""
    told = "a credential here stands in the job specs"
    endpoints = cluster.file.settings.get("MFA_ENDPOINTS") or {}
    for endpoint, call in endpoints.items():
        for header, value in (call.get("headers") or {}).items():
            if value and _CREDENTIAL.search(header):
                path = ("settings", "MFA_ENDPOINTS", endpoint, "headers", header)
                yield warning(path, told, "let a proxy near the core add it")
    smtp = cluster.file.settings.get("EMAIL_SMTP_SETTINGS") or {}
    for key in sorted(_SMTP_WITH_CREDENTIALS & set(smtp)):
        yield warning(f"settings.EMAIL_SMTP_SETTINGS.{key}", told, "use host, port and auth.user")


def rotations_are_of_secrets(cluster: Cluster) -> Iterator[Finding]:
    """Only a secret of the release can have been rotated."""
    for key, count in cluster.file.secrets.generations.items():
        path = ("secrets", "generations", key)
        if key not in cluster.catalogue.secrets:
            yield error(path, "there is no such secret", nearest(key, cluster.catalogue.secrets))
        elif count < 0:
            yield error(path, "must be at least 0")


CHECKS = (
    credentials_stand_in_the_open,
    rotations_are_of_secrets,
    name_servers_have_addresses,
    root_record_is_an_address,
    custom_entries_are_records,
    mails_can_be_sent,
)
