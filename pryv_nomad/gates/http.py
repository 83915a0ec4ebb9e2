"""An HTTP probe: one address, one address a core, or each instance of a Consul service."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from pryv_nomad.errors import PryvNomadError
from pryv_nomad.gates.consul import canary_tag
from pryv_nomad.gates.measuring import Measurement, Outcome, bad, good, several, silent
from pryv_nomad.gates.requesting import Asking, NoAnswer
from pryv_nomad.model.gates import HttpGate
from pryv_nomad.model.types import seconds
from pryv_nomad.rollout.gating import PROMOTE, Question

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

SIDE_BY_SIDE = 16


class HttpSource:
    """Probes the addresses side by side, and stops at the first of them that are not good: one is enough to know."""

    def __init__(self, gate: HttpGate, consul: Consul) -> None:
        self._gate, self._consul = gate, consul
        self._asking = Asking(seconds(gate.timeout), gate.ca_file)

    def describe(self) -> str:
        """What is asked, in a line."""
        gate = self._gate
        what = gate.url or f"{gate.path} of each instance of {gate.service}"
        return f"GET {what} answers {' or '.join(map(str, gate.status))}"

    def measure(self, question: Question) -> Measurement:
        """Ask each address once."""
        try:
            addresses = self._addresses(question)
        except PryvNomadError as error:
            return silent(error.message)
        missing = [name for name, url in addresses.items() if not url]
        if missing or not addresses:
            return silent(f"{self._gate.service} has no instance in Consul for {', '.join(missing[:3]) or 'them'}")
        return several(self._probed(addresses))

    def _addresses(self, question: Question) -> dict[str, str]:
        """What it is about → address; empty where none is known."""
        gate = self._gate
        if gate.service is None:
            if "{core}" not in gate.url:
                return {gate.url: gate.url}
            return {core: gate.url.replace("{core}", core) for core in question.cores}
        instances = self._consul.health_service(gate.service)
        found: dict[str, str] = {}
        for core in question.cores:
            tag = canary_tag(core) if question.moment == PROMOTE else core
            urls = [self._url(each) for each in instances if tag in (each["Service"].get("Tags") or ())]
            found |= {f"{core} ({number})" if number else core: url for number, url in enumerate(urls or [""])}
        return found

    def _url(self, instance: dict[str, dict[str, object]]) -> str:
        host = str(instance["Service"].get("Address") or instance["Node"].get("Address") or "")
        shown = f"[{host}]" if ":" in host else host
        return f"{self._gate.scheme}://{shown}:{instance['Service'].get('Port')}{self._gate.path}"

    def _probed(self, addresses: dict[str, str]) -> dict[str, Measurement]:
        found: dict[str, Measurement] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for batch in _batches(addresses.items(), SIDE_BY_SIDE):
                names = [name for name, _ in batch]
                found |= dict(zip(names, pool.map(self._probe, [url for _, url in batch]), strict=True))
                if any(each.outcome is not Outcome.GOOD for each in found.values()):
                    break
        return found

    def _probe(self, url: str) -> Measurement:
        try:
            reply = self._asking.get(url)
        except NoAnswer as error:
            return silent(str(error))
        if reply.status not in self._gate.status:
            return bad(f"status {reply.status}", reply.seconds)
        if self._gate.contains and self._gate.contains.encode() not in reply.body:
            return bad(f"status {reply.status}, but the text is not in the body", reply.seconds)
        return good(f"status {reply.status}", reply.seconds)


def _batches(items: Iterable[tuple[str, str]], size: int) -> Iterable[list[tuple[str, str]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
