"""What register.json and dns.json have in common: both programs come from service-register and read one format.

Facts read in service-register: `src/config.js` (what it refuses), `src/dns/server_for_name.js` (records).
"""

from __future__ import annotations

import json
from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import Endpoint, Hole, Hostings, Providers, Secret

Record = dict[str, Any]


def structure(cluster: Cluster, *, replica: bool = False) -> dict[str, Any]:
    """The whole configuration. `replica`: for the second registry machine, which has a redis of its own."""
    known = known_hostings(cluster)
    return {
        "domain": cluster.domain,
        "hostnameOrIP": f"https://reg.{cluster.domain}",
        "access": {
            "defaultAuthUrl": values.value(cluster, "DEFAULT_AUTH_URL"),
            "trustedAuthUrls": values.sequence(cluster, "TRUSTED_AUTH_URLS"),
        },
        "service": _service(cluster),
        "server": {"ssl": False, "port": 9000},
        "auth": _auth(),
        "dns": _dns(cluster),
        # `net.hostings` is what service-register itself makes the older `net.aaservers` and `net.aahostings` from, so
        # it serves a platform on one machine as well, where the original still writes the older two by hand.
        "net": {"hostings": Hostings(cluster.domain, known), "providers": Providers(cluster.domain, known)},
        "redis": {
            "host": Endpoint("redis", "redis", "host", replica=replica),
            "port": Endpoint("redis", "redis", "port", replica=replica),
        },
        "invitationTokens": _invitation_tokens(cluster),
        "reporting": {
            "licenseName": "Pryv.io",
            "role": "reg-slave" if replica else "reg-master",
            "templateVersion": values.value(cluster, "TEMPLATE_VERSION"),
        },
    }


def _service(cluster: Cluster) -> dict[str, Any]:
    """The service information; `{username}` is filled in by its readers."""
    return {
        "serial": "2019061301",
        "name": values.value(cluster, "PLATFORM_NAME"),
        "support": values.value(cluster, "SUPPORT_URL"),
        "terms": values.value(cluster, "TERMS_OF_USE_URL"),
        "register": f"https://reg.{cluster.domain}",
        "home": f"https://sw.{cluster.domain}",
        "eventTypes": values.value(cluster, "EVENT_TYPES_URL"),
        "assets": values.value(cluster, "SERVICE_INFO_ASSETS"),
        "access": f"https://access.{cluster.domain}/access",
        "api": f"https://{{username}}.{cluster.domain}",
    }


def _auth() -> dict[str, Any]:
    keys: dict[str | Hole, Any] = {
        Secret("REGISTER_SYSTEM_KEY_1", quoted=True): {"roles": ["system"]},
        Secret("REGISTER_ADMIN_KEY", quoted=True): {"roles": ["admin"]},
    }
    return {"coreSystemKey": Secret("CORE_SYSTEM_KEY", quoted=True), "authorizedKeys": keys}


def _dns(cluster: Cluster) -> dict[str, Any]:
    return {
        "port": 5353,
        "ip": "0.0.0.0",  # noqa: S104 - inside its container
        "name": f"reg.{cluster.domain}",
        "domain": cluster.domain,
        "domains": [cluster.domain],
        "certificateAuthorityAuthorization": {"issuer": values.value(cluster, "SSL_CAA_ISSUER")},
        "staticDataInDomain": _single_records(cluster) if cluster.file.platform.single_machine else _records(cluster),
        "customEntries": values.value(cluster, "DNS_CUSTOM_ENTRIES"),
        "mail": values.sequence(cluster, "DNS_MX_RECORDS"),
        "domain_A": values.value(cluster, "DNS_ROOT_DOMAIN_A_RECORD"),
        "nameserver": values.sequence(cluster, "NAME_SERVER_ENTRIES"),
        "rootTXT": {"description": values.sequence(cluster, "DNS_ROOT_TXT_ARRAY")},
    }


def _records(cluster: Cluster) -> dict[str, Record]:
    """Names inside the domain. They also keep usernames from being registered under them."""
    registry: Record = {"ip": values.address(cluster, "registry")}
    replica: Record = {"ip": values.address(cluster, "replica")}
    static: Record = {"ip": values.address(cluster, "static")}
    alias: Record = {"alias": {"name": f"reg.{cluster.domain}"}}
    records = {"sw": static, "mfa": static, "reg": registry}
    if cluster.file.registry.replica is not None:
        records["reg2"] = replica
    records |= _optional(cluster, registry)
    return records | {"access": alias, "service": alias, "dns1": registry, "dns2": replica}


def _single_records(cluster: Cluster) -> dict[str, Record]:
    """The same on one machine: one address under the name `local`, and aliases of it."""
    alias: Record = {"alias": {"name": f"local.{cluster.domain}"}}
    records = {"sw": alias, "mfa": alias, "reg": alias, "access": alias}
    return records | _optional(cluster, alias) | {"local": {"ip": values.address(cluster, "registry")}}


def _optional(cluster: Cluster, record: Record) -> dict[str, Record]:
    """Names of what may be left out."""
    registry = cluster.file.registry
    present = {"adm": registry.admin_panel.enabled, "mail": registry.mail.enabled}
    return {name: record for name, there in present.items() if there}


def known_hostings(cluster: Cluster) -> str:
    """The JSON object of the hostings of the cluster file, as `net.providers` has them."""
    return json.dumps(cluster.settings["HOSTINGS_PROVIDERS"], ensure_ascii=False, sort_keys=True)


def _invitation_tokens(cluster: Cluster) -> list[str] | None:
    """null lets everybody register, an empty list nobody."""
    tokens = values.value(cluster, "INVITATION_TOKENS")
    return None if tokens is None else list(tokens)
