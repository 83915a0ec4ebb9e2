"""Our conversion of job files equals a real Nomad's `/v1/jobs/parse`, and both refuse the same files."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from pryv_nomad.specs.hcl import HclError, convert, parse, strip_nulls
from tests.ports import free_ports
from tests.specs.hcl.cases import hcl_cases
from tests.specs.hcl.fragments import EQUAL, REFUSED, STRICTER, Fragment

AGENT = """\
data_dir = "{folder}"
bind_addr = "127.0.0.1"
disable_update_check = true
leave_on_terminate = true
server {{
  enabled = true
  bootstrap_expect = 1
}}
client {{
  enabled = false
}}
advertise {{
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}}
ports {{
  http = {http}
  rpc  = {rpc}
  serf = {serf}
}}
"""

Parse = Callable[..., Any]


@pytest.fixture(scope="session")
def nomad_parse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parse]:
    """A function from HCL to the JSON of a real Nomad server, or to its refusal (str)."""
    if shutil.which("nomad") is None:
        pytest.skip("no nomad on PATH")
    folder = tmp_path_factory.mktemp("nomad-server")
    http, rpc, serf = free_ports(3)
    config = folder / "agent.hcl"
    config.write_text(AGENT.format(folder=folder / "data", http=http, rpc=rpc, serf=serf), encoding="utf-8")
    with Path(folder, "agent.log").open("wb") as log:
        agent = subprocess.Popen(["nomad", "agent", "-config", str(config)], stdout=log, stderr=log)
    try:
        wait_for_answer(agent, f"http://127.0.0.1:{http}/v1/agent/health?type=server", folder / "agent.log")
        yield lambda text, variables=None: ask(f"http://127.0.0.1:{http}/v1/jobs/parse", text, variables or {})
    finally:
        agent.terminate()
        try:
            agent.wait(timeout=10)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait(timeout=10)


def wait_for_answer(agent: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Poll until the server answers, at most half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and agent.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail(f"the nomad server did not come up:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def ask(url: str, text: str, variables: Mapping[str, object]) -> Any:
    """The values of variables go along as the content of a variable file; JSON is close enough to HCL for them."""
    given = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in variables.items())
    answer = requests.post(url, json={"JobHCL": text, "Canonicalize": False, "Variables": given}, timeout=20)
    return strip_nulls(answer.json()) if answer.ok else answer.text


@pytest.mark.parametrize(("text", "variables"), [pytest.param(case[1], case[2], id=case[0]) for case in hcl_cases()])
def test_a_job_file_becomes_what_nomad_makes_of_it(nomad_parse: Parse, text: str, variables: dict[str, object]) -> None:
    real = nomad_parse(text, variables)
    assert not isinstance(real, str), real
    assert convert(parse(text), variables) == real


@pytest.mark.parametrize("fragment", EQUAL, ids=str)
def test_a_fragment_becomes_what_nomad_makes_of_it(nomad_parse: Parse, fragment: Fragment) -> None:
    real = nomad_parse(fragment.text)
    assert not isinstance(real, str), real
    assert convert(parse(fragment.text)) == real


@pytest.mark.parametrize("fragment", REFUSED, ids=str)
def test_what_we_refuse_nomad_refuses(nomad_parse: Parse, fragment: Fragment) -> None:
    assert isinstance(nomad_parse(fragment.text), str)
    with pytest.raises(HclError):
        convert(parse(fragment.text))


@pytest.mark.parametrize("fragment", STRICTER, ids=str)
def test_what_we_refuse_though_nomad_takes_it(nomad_parse: Parse, fragment: Fragment) -> None:
    """Each has its reason beside it; when Nomad refuses it as well, it belongs to the refused."""
    assert not isinstance(nomad_parse(fragment.text), str)
    with pytest.raises(HclError):
        convert(parse(fragment.text))
