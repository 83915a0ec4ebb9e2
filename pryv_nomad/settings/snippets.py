"""The consul-template texts that fill what Consul knows: the listed cores, their hostings, the machines' addresses.

They lie in consul-templates/, readable and apart from code; `[[ name ]]` in them is a value, `[# … #]` a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from pryv_nomad.resources import resource_dir
from pryv_nomad.settings.document import AcmeChallenges, Hostings, MachineAddress, Providers

_COMMENT = re.compile(r"\[#.*?#\]\n?", re.DOTALL)
_VALUE = re.compile(r"\[\[ (\w+) \]\]")


def consul_template(
    hole: Hostings | Providers | MachineAddress | AcmeChallenges, go_string: Callable[[str], str]
) -> str:
    """The text for `hole`, without a final newline. `go_string` writes a text as a Go string literal."""
    match hole:
        case Hostings():
            return _with_list("hostings", hole.domain, hole.known, go_string)
        case Providers():
            return _with_list("providers", hole.domain, hole.known, go_string)
        case MachineAddress():
            return _filled("address", {"key": go_string(address_key(hole.domain, hole.role))})
        case AcmeChallenges():
            return _filled("challenges", {"key": go_string(challenges_key(hole.domain))})


def own_file(name: str, domain: str, known: str, base: str, go_string: Callable[[str], str]) -> str:
    """The whole file `register.json` or `dns.json` of a machine outside Nomad, made of its own file at `base`.

    `known` is the JSON object of all hostings of the cluster file.
    """
    own = _with_list("own", domain, known, go_string, base=go_string(base))
    return _filled(name, {"own": own}) + "\n"


def upstream(query: str, options: str, none: str) -> str:
    """The `server` lines of an nginx upstream for a service; `options` and `none` are text of consul-template."""
    return _filled("upstream", {"query": f'"{query}"', "all": f'"{query}|any"', "options": options, "none": none})


def canaries(query: str, options: str) -> str:
    """The `server` lines of a service's canaries, as many as there are."""
    return _filled("upstream-canary", {"query": f'"{query}"', "options": options})


def targets(kind: str) -> str:
    """The file of targets for `prometheus` or `statsd`."""
    return _filled(f"{kind}.json", {}) + "\n"


def address_key(domain: str, role: str) -> str:
    """The key in Consul KV that holds the public address of the machine of `role` (`registry`, `replica`, `static`)."""
    return f"pryv-nomad/{domain}/addresses/{role}"


def challenges_key(domain: str) -> str:
    """The key in Consul KV that holds the TXT values of a certificate's renewal, a JSON list of texts."""
    return f"pryv-nomad/{domain}/acme/challenges"


def _with_list(name: str, domain: str, known: str, go_string: Callable[[str], str], **more: str) -> str:
    """A text that begins with the list of cores; `more` are its further values."""
    values = {"domain": go_string(domain), "known": go_string(known)}
    return _filled(name, {"listed": _filled("listed", values), **values, **more})


def _filled(name: str, values: dict[str, str]) -> str:
    return _VALUE.sub(lambda found: values[found[1]], _text(name))


@cache
def _text(name: str) -> str:
    written = (resource_dir("consul-templates") / f"{name}.ctmpl").read_text(encoding="utf-8")
    return _COMMENT.sub("", written).rstrip("\n")
