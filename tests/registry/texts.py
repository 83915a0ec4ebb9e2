"""Files of the registry as tests need them: good ones, and good ones with one thing changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

DOMAIN = "pryv.example"
PROVIDERS = {
    "ch": {"url": "https://ch.example", "name": "Switzerland", "description": ""},
    "fr": {"url": "https://fr.example", "name": "France", "description": ""},
}

GOOD: dict[str, Any] = {
    "domain": DOMAIN,
    "service": {"api": f"https://{{username}}.{DOMAIN}", "register": f"https://reg.{DOMAIN}"},
    "dns": {
        "domain": DOMAIN,
        "domains": [DOMAIN],
        "mail": [{"name": "mail.example", "ip": "192.0.2.9", "priority": 10}],
        "staticDataInDomain": {"reg": {"ip": "192.0.2.1"}},
    },
    "net": {"hostings": {}, "providers": {}},
    "redis": {"host": "192.0.2.1", "port": 6379},
    "invitationTokens": None,
}


def listing(*cores: str, **where: str) -> dict[str, dict[str, dict[str, str]]]:
    """net.hostings of some cores: in `ch`, unless `where` says another."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for core in sorted(cores, key=lambda core: (where.get(core, "ch"), core)):
        cores_there = found.setdefault(where.get(core, "ch"), {})
        cores_there[core] = {"ip": f"192.0.2.{len(cores_there) + 10}"}
    return found


def document(hostings: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A good document with these hostings; `changes` are PATH=value, with `__` for the dots of the path."""
    made = copy.deepcopy(GOOD)
    providers = {name: PROVIDERS[name] for name in hostings if name in PROVIDERS}
    made["net"] = copy.deepcopy({"hostings": hostings, "providers": providers})
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = made
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return made


def text(*cores: str, **where: str) -> bytes:
    """A good file that lists these cores."""
    return json.dumps(document(listing(*cores, **where))).encode()


def changed(**changes: Any) -> bytes:
    """A file that lists co1, with changes."""
    return json.dumps(document(listing("co1"), **changes)).encode()
