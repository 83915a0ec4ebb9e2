"""Importing the clients is cheap: what is heavy comes with the first client made."""

from __future__ import annotations

import subprocess
import sys


def imported(statements: str) -> set[str]:
    """The modules that a fresh interpreter has after `statements`."""
    script = f"{statements}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_modules_import_no_http_library() -> None:
    modules = imported("import pryv_nomad.clients.nomad, pryv_nomad.clients.consul, pryv_nomad.clients.options")
    assert not modules & {"requests", "urllib3", "nomad", "consul", "ssl", "http.client", "email.utils", "asyncio"}


def test_each_client_brings_its_own_library_only() -> None:
    make_nomad = "from pryv_nomad.clients.nomad import Nomad\nNomad()"
    make_consul = "from pryv_nomad.clients.consul import Consul\nConsul()"
    assert imported(make_nomad) & {"nomad", "consul"} == {"nomad"}
    assert imported(make_consul) & {"nomad", "consul"} == {"consul"}
