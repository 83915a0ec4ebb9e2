"""Calls the hooks of a rollout: commands and webhooks, in the order of the cluster file.

    hooks = hooks_of(policy.hooks)
    hooks.call("12", Call(Moment.BEFORE_WAVE, 1, ("co1",)))

A hook that fails raises HookFailed; the rollout stops for one before itself or a wave, and notes the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.errors import HookFailed
from pryv_nomad.gates.requesting import Asking, NoAnswer, NotSet, from_environment, place
from pryv_nomad.gates.running import run
from pryv_nomad.model.gates import Command, Hook, Webhook
from pryv_nomad.model.types import seconds
from pryv_nomad.rollout.gating import Call, Moment

REMEDY = "look at what it did, then `pryv-nomad run` goes on; without it in the cluster file it is not called"


@dataclass(frozen=True)
class CalledHooks:
    """The hooks of one rollout."""

    hooks: tuple[Hook, ...]

    @property
    def wanted(self) -> frozenset[Moment]:
        """The moments at which there is one."""
        return frozenset(Moment(hook.at) for hook in self.hooks)

    def call(self, rollout: str, call: Call) -> str:
        """Call those of a moment, one after the other; what they said. Raises HookFailed with the first that fails."""
        said = []
        for hook in self.hooks:
            if hook.at == call.moment:
                text = _command(hook.command, rollout, call) if hook.command else ""
                text = _webhook(hook.webhook, rollout, call) if hook.webhook else text
                said += [text] if text else []
        return "; ".join(said)


def hooks_of(entries: Iterable[Mapping[str, Any]]) -> CalledHooks:
    """The hooks that a policy carries (`Policy.hooks`)."""
    return CalledHooks(tuple(Hook.model_validate(each) for each in entries))


def _command(command: Command, rollout: str, call: Call) -> str:
    told = {
        "PRYV_NOMAD_ROLLOUT": rollout,
        "PRYV_NOMAD_MOMENT": str(call.moment),
        "PRYV_NOMAD_WAVE": str(call.wave),
        "PRYV_NOMAD_CORES": " ".join(call.cores),
        "PRYV_NOMAD_REASON": call.reason.replace("\0", ""),
    }
    ended = run(command, told)
    if ended.code != 0:
        how = ended.said if ended.code is None else f"exit code {ended.code}: {ended.said}"
        raise HookFailed(f"the command {command.argv[0]} {call.name}: {how}", REMEDY)
    return ended.said


def _webhook(webhook: Webhook, rollout: str, call: Call) -> str:
    body = {
        "version": 1,
        "rollout": rollout,
        "moment": str(call.moment),
        "wave": call.wave,
        "cores": list(call.cores),
        "reason": call.reason,
    }
    try:
        where = post(webhook, body)
    except NoAnswer as error:
        raise HookFailed(f"the webhook {call.name}: {error}", REMEDY) from None
    return f"told {where}"


def post(webhook: Webhook, body: Mapping[str, Any]) -> str:
    """POST to a webhook; gives scheme and host of where it went. Raises NoAnswer, also for another status than 2xx."""
    try:
        url = webhook.url or from_environment(webhook.url_env) or ""
        asking = Asking(seconds(webhook.timeout), webhook.ca_file, from_environment(webhook.token_env))
    except NotSet as error:
        raise NoAnswer(str(error)) from None
    reply = asking.post(url, json.dumps(body, ensure_ascii=False).encode())
    if not 200 <= reply.status < 300:
        raise NoAnswer(f"{place(url)}: status {reply.status}")
    return place(url)
