"""What register and dns of release 1.9 refuse at their start, or misread later: a list of small checks. Pure.

Read in service-register: `src/config.js` (validateConfiguration, translateConfiguration), `src/dns/server_for_name.js`,
and in `src/business/` `service-info.js` and `dataservers.js`. No message holds a value that may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from pryv_nomad.registry.document import Document, Json, section

MOST = 20
"""How many faults are told; a wrong list has one for each of 10,000 cores."""

_HOST = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])\.)*(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
)
_SITE = re.compile(r"https?://[a-zA-Z0-9.-]+")
_CORE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TOKEN_LENGTH = range(5, 100)

Faults = Iterator[str]


def faults(document: Document, *, may_be_empty: bool = False) -> tuple[str, ...]:
    """Everything that is wrong, each with its place in the file; empty for a file that both programs take.

    `may_be_empty`: hostings without any core are right, because the platform has had no core yet.
    """
    found = [fault for check in _CHECKS for fault in check(document.data)]
    found += [fault for check in _LIST_CHECKS for fault in check(document)]
    found += _emptiness(document, may_be_empty)
    rest = len(found) - MOST
    return (*found[:MOST], f"and {rest} more") if rest > 0 else tuple(found)


# -- the whole file ----------------------------------------------------------------------------------------------


def _domain(data: Json) -> Faults:
    dns = section(data, "dns")
    domain = dns.get("domain")
    if not isinstance(domain, str) or not _HOST.fullmatch(domain):
        yield "dns.domain: must be the platform's domain"
    if "domains" in dns and (not isinstance(dns["domains"], list) or domain not in dns["domains"]):
        yield "dns.domains: must be an array with the platform's domain"
    for name in ("staticDataInDomain", "customEntries"):
        if not isinstance(dns.get(name) or {}, dict):
            yield f"dns.{name}: must be an object"


def _mail(data: Json) -> Faults:
    entries = section(data, "dns").get("mail")
    if not isinstance(entries, list):
        yield "dns.mail: must be an array (even empty) of MX entries"
        return
    for number, entry in enumerate(entries):
        place = f"dns.mail[{number}]"
        if not isinstance(entry, dict):
            yield f"{place}: must be an object"
            continue
        name, address, priority = (entry.get(key) for key in ("name", "ip", "priority"))
        if not isinstance(name, str) or not _HOST.fullmatch(name):
            yield f"{place}.name: must be a host name"
        if address is not None and not _is_address(address, 4):
            yield f"{place}.ip: must be an IPv4 address"
        if isinstance(priority, bool) or not isinstance(priority, int | float):
            yield f"{place}.priority: must be a number"


def _invitation_tokens(data: Json) -> Faults:
    tokens = data.get("invitationTokens")
    if tokens is None:
        return
    if not isinstance(tokens, list):
        yield "invitationTokens: must be null or an array"
        return
    for number, token in enumerate(tokens):
        if not isinstance(token, str) or len(token) not in _TOKEN_LENGTH:
            yield f"invitationTokens[{number}]: must be a string of 5 to 99 characters"


def _service(data: Json) -> Faults:
    """`api` has no default, and the program takes a piece of it at its start; the others have one."""
    service = section(data, "service")
    if not isinstance(service.get("api"), str):
        yield "service.api: must be a string"
    for name in ("access", "register"):
        if name in service and not isinstance(service[name], str):
            yield f"service.{name}: must be a string"


def _redis(data: Json) -> Faults:
    redis = section(data, "redis")
    if "host" in redis and not (isinstance(redis["host"], str) and redis["host"]):
        yield "redis.host: must be a host"
    if "port" in redis and (isinstance(redis["port"], bool) or not isinstance(redis["port"], int)):
        yield "redis.port: must be a port"


def _hostings(data: Json) -> Faults:
    hostings = section(data, "net").get("hostings")
    if not isinstance(hostings, dict):
        yield "net.hostings: must be an object: hosting → core → ip"
    elif not hostings:
        yield "net.hostings: no hosting; the register does not start without any"
    else:
        yield from (
            f"net.hostings.{name}: must be an object: core → ip"
            for name, cores in hostings.items()
            if not isinstance(cores, dict)
        )


_CHECKS: tuple[Callable[[Json], Faults], ...] = (
    _domain,
    _mail,
    _invitation_tokens,
    _service,
    _redis,
    _hostings,
)


# -- the list of cores -------------------------------------------------------------------------------------------


def _providers(document: Document) -> Faults:
    providers = section(document.data, "net").get("providers")
    known = providers if isinstance(providers, dict) else {}
    for name in document.hostings:
        provider = known.get(name)
        if not isinstance(provider, dict):
            yield f"net.providers.{name}: missing, so that users would see a made-up provider"
        elif not isinstance(provider.get("url"), str) or not _SITE.fullmatch(provider["url"]):
            yield f"net.providers.{name}.url: must be http(s)://host, without port and path"


def _cores(document: Document) -> Faults:
    seen: dict[str, str] = {}
    for hosting, cores in document.hostings.items():
        for core, facts in cores.items():
            place = f"net.hostings.{hosting}.{core}"
            if not _CORE.fullmatch(core):
                yield f"{place}: must be called as one DNS label of lower case letters, digits and hyphens"
            if not isinstance(facts, dict) or not _is_address(facts.get("ip")):
                yield f"{place}.ip: must be an IP address"
            if core in seen:
                yield f"{place}: is in {seen[core]} too"
            seen[core] = hosting


def _ends(document: Document) -> Faults:
    """A core is found by `base_url.includes(serverName)`, so `co1` is found where `eu-co1` is meant."""
    cores = document.cores
    for core in sorted(cores):
        for start in range(1, len(core)):
            if core[start:] in cores:
                yield f"core {core[start:]}: its name is the end of {core}'s, so that users of one are led to the other"


def _order(document: Document) -> Faults:
    """The same cores must be the same text."""
    parts = {"net.hostings": document.hostings} | {
        f"net.hostings.{name}": document.hostings[name] for name in document.hostings
    }
    yield from (f"{place}: not sorted" for place, names in parts.items() if list(names) != sorted(names))


_LIST_CHECKS: tuple[Callable[[Document], Faults], ...] = (_providers, _cores, _ends, _order)


def _emptiness(document: Document, may_be_empty: bool) -> list[str]:
    empty = [name for name, cores in document.hostings.items() if not cores]
    if may_be_empty and len(empty) == len(document.hostings):
        return []
    return [f"net.hostings.{name}: no core, which makes the register fail at GET /hostings" for name in empty]


def _is_address(text: Any, version: int = 0) -> bool:
    try:
        found = ipaddress.ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return found is not None and version in (0, found.version)
