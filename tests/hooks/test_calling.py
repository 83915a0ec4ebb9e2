"""Hooks: real commands, and webhooks of a real server."""

from __future__ import annotations

import json
import sys

import pytest

from pryv_nomad.errors import HookFailed
from pryv_nomad.hooks.calling import hooks_of
from pryv_nomad.rollout.gating import Call, Hooks, Moment
from tests.gates.servers import serving
from tests.gates.test_sources import closed_port

CALL = Call(Moment.BEFORE_WAVE, 2, ("co2", "co3"))


def python(code: str, **more: object) -> dict[str, object]:
    return {"at": "before wave", "command": {"argv": [sys.executable, "-c", code], **more}}


def test_a_command_is_told_what_it_is_about_and_its_last_line_is_told_on() -> None:
    hooks: Hooks = hooks_of([python("import os; print(*(os.environ['PRYV_NOMAD_' + k] for k in "
                                    "('ROLLOUT', 'MOMENT', 'WAVE', 'CORES')))")])  # fmt: skip
    assert hooks.wanted == {Moment.BEFORE_WAVE}
    assert hooks.call("12", CALL) == "12 before wave 2 co2 co3"


def test_only_those_of_the_moment_are_called() -> None:
    hooks = hooks_of([python("raise SystemExit(1)")])
    assert hooks.call("12", Call(Moment.AFTER_WAVE, 1)) == ""


@pytest.mark.parametrize(
    ("hook", "text"),
    [
        (python("print('no room'); raise SystemExit(4)"), "exit code 4: no room"),
        (python("import time; time.sleep(60)", timeout="200ms"), "did not end within 200ms"),
        ({"at": "before wave", "command": {"argv": ["/no/such/program"]}}, "No such file"),
        ({"at": "before wave", "webhook": {"url_env": "NOT_SET_ANYWHERE"}}, "NOT_SET_ANYWHERE is not set"),
    ],
)
def test_one_that_fails_says_how(hook: dict[str, object], text: str) -> None:
    with pytest.raises(HookFailed, match="before wave 2") as caught:
        hooks_of([hook]).call("12", CALL)
    assert text in caught.value.message
    assert caught.value.exit_code == 10


def test_a_webhook_gets_json_and_its_secret_address_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda path: (200 if "ok" in path else 500, b"")) as server:
        monkeypatch.setenv("HOOK_URL", f"{server.address}/ok/s3cret")
        monkeypatch.setenv("HOOK_TOKEN", "t0ken")
        hook = {"at": "before wave", "webhook": {"url_env": "HOOK_URL", "token_env": "HOOK_TOKEN"}}
        assert hooks_of([hook]).call("12", CALL) == f"told {server.address}"
        assert json.loads(server.bodies[0])["cores"] == ["co2", "co3"]
        assert server.headers[0]["Authorization"] == "Bearer t0ken"
        monkeypatch.setenv("HOOK_URL", f"{server.address}/s3cret")
        with pytest.raises(HookFailed, match="status 500") as caught:
            hooks_of([hook]).call("12", CALL)
        assert "s3cret" not in caught.value.message


def test_a_webhook_that_is_not_there_fails() -> None:
    hook = {"at": "on failure", "webhook": {"url": f"http://127.0.0.1:{closed_port()}/"}}
    with pytest.raises(HookFailed, match="no connection"):
        hooks_of([hook]).call("12", Call(Moment.ON_FAILURE, reason="co2 failed"))
