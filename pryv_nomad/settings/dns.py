"""dns.json, of the registry's machine and of its replica's (service-register 1.9.2)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import registry
from pryv_nomad.settings.document import AcmeChallenges, ConfigFile
from pryv_nomad.settings.serialize import json_parts

CHALLENGE = "_acme-challenge"


def files(cluster: Cluster, *, replica: bool) -> tuple[ConfigFile, ...]:
    """dns's file. Where the certificate is renewed by the platform, the TXT values of a renewal stand in it."""
    structure = registry.structure(cluster, replica=replica)
    if cluster.acme.enabled:
        structure["dns"]["customEntries"] = _with_challenges(structure["dns"]["customEntries"], cluster.domain)
    return (ConfigFile("dns.json", json_parts(structure)),)


def _with_challenges(entries: dict[str, Any] | None, domain: str) -> dict[str, Any]:
    """The user's own names and that of the challenges, whose `description` dns answers as TXT, one record a value
    (service-register, `src/dns/ndns-wrapper.js`); with an empty list there is no record.

    The name stays between renewals: asked for one that it does not have and that is no username, the dns of that source
    ends (`src/dns/server_for_name.js`, `logger.warn`).
    """
    return {**(entries or {}), CHALLENGE: {"description": AcmeChallenges(domain)}}
