"""What every request does when the server is slow, broken, somebody else, or gone."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.clients.retries import NEVER, Retries
from pryv_nomad.errors import ApiError, Conflict, NotFound, PryvNomadError, Unauthorized, Unreachable

from .conftest import TOKEN, Reply, ScriptedServer, VirtualTime

JOB = {"ID": "pryv-redis", "Name": "pryv-redis"}


def everything_shown(error: BaseException) -> str:
    """All that a log, a traceback or a curious reader could see of an exception and those behind it."""
    seen: list[str] = []
    current: BaseException | None = error
    while current is not None:
        seen += [str(current), repr(current), repr(vars(current)), repr(current.args)]
        request = getattr(current, "request", None)
        seen.append(repr(getattr(request, "headers", "")))
        current = current.__cause__ or current.__context__
    return "\n".join([*seen, *traceback.format_exception(error)])


def test_a_refused_connection_is_unreachable_after_bounded_tries(virtual: VirtualTime) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client = Nomad(NomadOptions(address=address, token=TOKEN), timing=virtual.timing)
        with pytest.raises(Unreachable, match="refused") as caught:
            client.list_jobs()
    assert address in str(caught.value)
    assert "NOMAD_ADDR" in caught.value.remedy
    assert virtual.pauses == [0.125, 0.25, 0.5]


def test_an_unknown_host_is_unreachable(virtual: VirtualTime) -> None:
    client = Nomad(NomadOptions(address="http://no-such-host.invalid:4646"), retries=NEVER, timing=virtual.timing)
    with pytest.raises(Unreachable, match=r"no-such-host\.invalid"):
        client.leader()


def test_a_slow_answer_is_unreachable_within_its_time_limit(server: ScriptedServer) -> None:
    server.script(Reply(silent=True))
    client = Nomad(NomadOptions(address=server.url), retries=NEVER, timeout_s=0.05)
    with pytest.raises(Unreachable, match=r"did not answer GET /v1/jobs within 0\.05 s"):
        client.list_jobs()


def test_a_call_may_have_its_own_time_limit(server: ScriptedServer) -> None:
    server.script(Reply(silent=True))
    client = Nomad(NomadOptions(address=server.url), retries=NEVER)
    with pytest.raises(Unreachable, match=r"within 0\.05 s"):
        client.job("pryv-redis", timeout_s=0.05)


@pytest.mark.parametrize("status", [200, 403, 404, 502])
def test_a_page_instead_of_the_api_names_the_proxy(server: ScriptedServer, nomad: Nomad, status: int) -> None:
    server.script(Reply(status, "<!DOCTYPE html><html>Bad gateway</html>", kind="text/html"))
    with pytest.raises(Unreachable, match="a proxy answered, not Nomad") as caught:
        nomad.list_jobs()
    assert "NOMAD_ADDR" in caught.value.remedy
    assert "html" not in str(caught.value)


def test_a_page_that_calls_itself_json_is_still_a_page(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, "\n <html></html>"))
    with pytest.raises(Unreachable, match="a proxy answered"):
        nomad.list_jobs()


def test_a_redirect_is_not_followed(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(307, "", headers={"Location": "/ui/"}))
    with pytest.raises(Unreachable, match="a proxy answered"):
        nomad.list_jobs()
    assert len(server.requests) == 1


def test_text_that_is_not_json_is_unreachable(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, "pong", kind="text/plain"))
    with pytest.raises(Unreachable, match="is not JSON"):
        nomad.list_jobs()


def test_an_answer_cut_in_the_middle_is_tried_again(server: ScriptedServer, nomad: Nomad, virtual: VirtualTime) -> None:
    server.script(Reply(200, "[", cut=True), Reply(200, [{"ID": "a"}]))
    assert nomad.list_jobs() == [{"ID": "a"}]
    assert len(virtual.pauses) == 1


def test_faults_of_the_server_are_waited_out_with_growing_jittered_pauses(
    server: ScriptedServer, nomad: Nomad, virtual: VirtualTime
) -> None:
    fault = Reply(500, "rpc error: EOF", kind="text/plain")
    server.script(fault, Reply(503, "busy"), fault, Reply(200, []))
    assert nomad.list_jobs() == []
    assert virtual.pauses == [0.125, 0.25, 0.5]


def test_tries_end_with_the_last_fault(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(500, "something odd", kind="text/plain"))
    with pytest.raises(ApiError, match="500: something odd") as caught:
        nomad.list_jobs()
    assert caught.value.status == 500
    assert caught.value.exit_code == 9
    assert len(server.requests) == 4


def test_a_cluster_without_leader_is_unreachable(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(500, "No cluster leader", kind="text/plain"))
    with pytest.raises(Unreachable, match="No cluster leader"):
        nomad.list_jobs()
    assert len(server.requests) == 4


def test_no_try_begins_after_the_time_that_all_may_take(server: ScriptedServer, virtual: VirtualTime) -> None:
    server.script(Reply(500, "odd"))
    retries = Retries(attempts=100, base_s=4.0, cap_s=4.0, within_s=5.0)
    client = Nomad(NomadOptions(address=server.url), retries=retries, timing=virtual.timing)
    with pytest.raises(ApiError):
        client.list_jobs()
    assert virtual.pauses == [2.0, 2.0]


def test_too_many_requests_waits_as_long_as_asked(server: ScriptedServer, nomad: Nomad, virtual: VirtualTime) -> None:
    server.script(Reply(429, "slow down", headers={"Retry-After": "7"}), Reply(200, []))
    assert nomad.list_jobs() == []
    assert virtual.pauses == [7.0]


def test_a_pause_longer_than_all_tries_may_take_is_not_waited_for(
    server: ScriptedServer, nomad: Nomad, virtual: VirtualTime
) -> None:
    server.script(Reply(429, "slow down", headers={"Retry-After": "3600"}))
    with pytest.raises(ApiError, match="429") as caught:
        nomad.list_jobs()
    assert caught.value.remedy
    assert virtual.pauses == []


@pytest.mark.parametrize(
    "write",
    [
        lambda nomad: nomad.stop("pryv-redis"),
        lambda nomad: nomad.promote("d1"),
        lambda nomad: nomad.fail_deployment("d1"),
        lambda nomad: nomad.drain_node("n1"),
        lambda nomad: nomad.node_eligibility("n1", False),
    ],
)
def test_a_write_without_check_index_is_sent_once(
    server: ScriptedServer, nomad: Nomad, write: Callable[[Nomad], Any]
) -> None:
    server.script(Reply(500, "rpc error: EOF"))
    with pytest.raises(ApiError):
        write(nomad)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda nomad: nomad.register(JOB, enforce_index=3),
        lambda nomad: nomad.plan(JOB),
        lambda nomad: nomad.parse('job "a" {}'),
        lambda nomad: nomad.revert("pryv-redis", 1, 2),
        lambda nomad: nomad.put_variable("nomad/jobs", {"key": "v"}, 4),
        lambda nomad: nomad.delete_variable("nomad/jobs", 4),
    ],
)
def test_a_guarded_write_is_sent_again(server: ScriptedServer, nomad: Nomad, call: Callable[[Nomad], Any]) -> None:
    server.script(Reply(500, "rpc error: EOF"), Reply(200, {}))
    call(nomad)
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body


@pytest.mark.parametrize(
    "text",
    [
        "Enforcing job modify index 4: job exists with conflicting job modify index: 9",
        "rpc error: Enforcing job modify index 4: job does not exist",
        "Current job has version 3; enforcing version 2",
    ],
)
def test_a_stale_check_index_is_a_conflict_at_once(server: ScriptedServer, nomad: Nomad, text: str) -> None:
    server.script(Reply(500, text, kind="text/plain"))
    with pytest.raises(Conflict, match="nforcing") as caught:
        nomad.register(JOB, enforce_index=4)
    assert caught.value.exit_code == 6
    assert len(server.requests) == 1


def test_what_is_wrong_with_a_job_is_not_asked_twice(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(500, "1 error occurred:\n\t* Missing job task groups\n", kind="text/plain"))
    with pytest.raises(ApiError, match="Missing job task groups"):
        nomad.register(JOB, enforce_index=0)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "who are you"),
        (403, "Permission denied"),
        (500, "rpc error: Permission denied"),
        (500, "ACL token not found"),
    ],
)
def test_a_refused_token_is_unauthorized(server: ScriptedServer, nomad: Nomad, status: int, text: str) -> None:
    server.script(Reply(status, text, kind="text/plain"))
    with pytest.raises(Unauthorized, match="refused GET /v1/jobs") as caught:
        nomad.list_jobs()
    assert "NOMAD_TOKEN" in caught.value.remedy
    assert caught.value.exit_code == 8
    assert len(server.requests) == 1


def test_without_a_token_the_remedy_is_to_set_one(server: ScriptedServer) -> None:
    server.script(Reply(403, "Permission denied"))
    with pytest.raises(Unauthorized) as caught:
        Nomad(NomadOptions(address=server.url)).list_jobs()
    assert caught.value.remedy.startswith("set NOMAD_TOKEN")


@pytest.mark.parametrize(("status", "text"), [(404, "job not found"), (500, "rpc error: deployment not found")])
def test_an_unknown_thing_is_not_found(server: ScriptedServer, nomad: Nomad, status: int, text: str) -> None:
    server.script(Reply(status, text, kind="text/plain"))
    with pytest.raises(NotFound, match=text):
        nomad.job("pryv-redis")


def test_the_token_is_sent_as_a_header_and_nowhere_else(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, []))
    nomad.list_jobs()
    (request,) = server.requests
    assert request.headers["X-Nomad-Token"] == TOKEN
    assert TOKEN not in request.target
    assert TOKEN.encode() not in request.body


@pytest.mark.parametrize(
    "reply",
    [
        Reply(403, f"token {TOKEN} is unknown"),
        Reply(500, f"odd {TOKEN}"),
        Reply(200, f"<html>{TOKEN}</html>"),
        Reply(200, f"not json {TOKEN}"),
        Reply(200, "[", cut=True),
        Reply(404, TOKEN),
        Reply(409, TOKEN),
    ],
)
@pytest.mark.parametrize("service", ["nomad", "consul"])
def test_no_exception_shows_the_token(
    server: ScriptedServer, virtual: VirtualTime, caplog: pytest.LogCaptureFixture, reply: Reply, service: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(reply)
    client: Any
    if service == "nomad":
        client = Nomad(NomadOptions(address=server.url, token=TOKEN), timing=virtual.timing)
    else:
        client = Consul(ConsulOptions(address=server.url, token=TOKEN), timing=virtual.timing)
    with pytest.raises(PryvNomadError) as caught:
        client.get("/v1/jobs") if service == "nomad" else client.txn([{"KV": {"Verb": "get", "Key": "a"}}])
    shown = everything_shown(caught.value)
    assert TOKEN not in shown
    assert TOKEN not in caught.value.remedy
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(client) + repr(client.options) + repr(vars(client))


def test_a_refused_connection_shows_no_token(virtual: VirtualTime) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client = Nomad(NomadOptions(address=address, token=TOKEN), timing=virtual.timing)
        with pytest.raises(Unreachable) as caught:
            client.list_jobs()
    assert TOKEN not in everything_shown(caught.value)


def test_a_conflict_shows_nothing_of_the_variable_that_is_there(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(409, {"Path": "nomad/jobs", "ModifyIndex": 9, "Items": {"ADMIN_KEY": "of-somebody-else"}}))
    with pytest.raises(Conflict) as caught:
        nomad.put_variable("nomad/jobs", {"ADMIN_KEY": "of-ours"}, 4)
    shown = everything_shown(caught.value)
    assert "of-somebody-else" not in shown
    assert "of-ours" not in str(caught.value)


def test_sixteen_threads_share_one_client(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, [{"ID": "a"}]))
    answers: list[list[dict[str, Any]]] = []
    threads = [threading.Thread(target=lambda: answers.extend(nomad.list_jobs() for _ in range(10))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[{"ID": "a"}]] * 160


def test_connections_are_kept_open(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, []))
    for _ in range(5):
        nomad.list_jobs()
    assert len({request.sender for request in server.requests}) == 1


def test_cookies_of_a_proxy_are_not_sent_back(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, [], headers={"Set-Cookie": "sticky=1; Path=/"}))
    nomad.list_jobs()
    nomad.list_jobs()
    assert "Cookie" not in server.requests[1].headers


def test_the_process_environment_is_not_read(
    server: ScriptedServer, virtual: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NOMAD_TOKEN", "of-the-process")
    monkeypatch.setenv("NOMAD_REGION", "of-the-process")
    monkeypatch.setenv("NOMAD_NAMESPACE", "of-the-process")
    server.script(Reply(200, []))
    with Nomad(NomadOptions(address=server.url), timing=virtual.timing) as client:
        client.list_jobs()
        client.library.nodes.get_nodes()
    for request in server.requests:
        assert "X-Nomad-Token" not in request.headers
        assert "of-the-process" not in request.target


def test_a_proxy_of_the_options_is_used(server: ScriptedServer, virtual: VirtualTime) -> None:
    server.script(Reply(200, []))
    options = NomadOptions(address="http://nomad.invalid:4646", proxy=server.url)
    with Nomad(options, timing=virtual.timing) as client:
        assert client.list_jobs() == []
    assert server.requests[0].target.startswith("http://nomad.invalid:4646/v1/jobs")


def test_plain_http_to_a_tls_port_says_so(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(400, "Client sent an HTTP request to an HTTPS server.\n", kind=""))
    with pytest.raises(Unreachable, match="speaks TLS") as caught:
        nomad.list_jobs()
    assert "https://" in caught.value.remedy


def test_the_libraries_own_calls_have_our_errors(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(403, "Permission denied"))
    with pytest.raises(Unauthorized):
        nomad.library.acl.get_policies()
    assert server.requests[0].headers["X-Nomad-Token"] == TOKEN
