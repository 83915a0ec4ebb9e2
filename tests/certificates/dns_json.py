"""dns.json as the platform's name servers have it: its own template, followed by a real consul-template.

What a renewal does not touch (secrets, redis, the list of cores) is filled in by hand; the rest is the product's text.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.dns import CHALLENGE, files
from pryv_nomad.settings.document import AcmeChallenges, Endpoint, MachineAddress, Part, Secret
from pryv_nomad.settings.snippets import consul_template
from pryv_nomad.specs.escape import consul_text, go_string
from tests.consul_server import until


def consul_template_binary() -> str | None:
    """The consul-template binary of this machine, PATH first."""
    built = Path(__file__).parents[2] / "tools" / "bin" / "consul-template"
    return shutil.which("consul-template") or (str(built) if built.is_file() else None)


def source(cluster: Cluster) -> str:
    """The template of dns.json."""
    return "".join(_text(part) for part in files(cluster, replica=False)[0].parts)


def _text(part: Part) -> str:
    match part:
        case str():
            return consul_text(part)
        case AcmeChallenges():
            return consul_template(part, go_string)
        case Secret():
            return '"secret"' if part.quoted else "secret"
        case Endpoint():
            return "6379" if part.part == "port" else "redis"
        case MachineAddress():
            return "192.0.2.1"
        case _:
            return "{}"


@contextmanager
def followed(folder: Path, text: str, consul_address: str, token: str = "") -> Iterator[Path]:
    """The file that consul-template keeps; it is there when the block begins."""
    folder.mkdir(parents=True, exist_ok=True)
    template, target = folder / "dns.json.ctmpl", folder / "dns.json"
    template.write_text(text, encoding="utf-8")
    binary = consul_template_binary()
    assert binary is not None
    command = [binary, f"-consul-addr={consul_address}", "-log-level=err", "-kill-signal=SIGTERM"]
    command += [f"-template={template}:{target}"]
    with subprocess.Popen(command, env={**os.environ, "CONSUL_HTTP_TOKEN": token}) as process:
        try:
            until(target.is_file, 30, "dns.json is there")
            yield target
        finally:
            process.terminate()
            process.wait(20)


def entry(file: Path) -> dict[str, Any]:
    """What dns knows of the challenge's name."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["dns"]["customEntries"]
    return dict(found[CHALLENGE])


def values(file: Path) -> list[str]:
    """The TXT values that dns answers with."""
    return list(entry(file)["description"])
