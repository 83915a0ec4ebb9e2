"""The list of secrets: which are needed, where, whether they are there. The certificate says its names and its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from pryv_nomad.errors import CertificateError
from pryv_nomad.secrets.keys import State
from pryv_nomad.secrets.store import SecretStore
from pryv_nomad.secrets.tls import CERTIFICATE_KEY, read


def as_json(states: Sequence[State]) -> str:
    """A list of {key, path, description, components, generated, stored}."""
    return json.dumps(
        [
            {
                "key": state.need.key,
                "path": state.need.path,
                "description": state.need.description,
                "components": state.need.components,
                "generated": state.need.generated,
                "stored": state.stored is not None,
            }
            for state in states
        ],
        indent=2,
    )


def table(states: Sequence[State], store: SecretStore, now: datetime) -> str:
    """A line a secret, then the certificate's facts."""
    width = max((len(state.need.key) for state in states), default=0)
    place = max((len(state.need.path) for state in states), default=0)
    lines = [
        f"{state.need.key:{width}}  {state.need.path:{place}}  {'stored ' if state.stored else 'MISSING'}  "
        f"{state.need.description}"
        for state in states
    ]
    lines += [f"{state.need.key}: store it with `{state.need.remedy}`" for state in states if state.stored is None]
    return "\n".join([*lines, *_certificate(states, store, now)])


def _certificate(states: Sequence[State], store: SecretStore, now: datetime) -> list[str]:
    stored = next((state.stored for state in states if state.need.key == CERTIFICATE_KEY), None)
    value = store.value(stored.path, stored.key) if stored else None
    if value is None:
        return []
    try:
        facts = read(value.encode())
    except CertificateError as error:
        return [f"certificate: {error.message}"]
    line = f"certificate: {', '.join(facts.names)}; issued by {facts.issuer}; ends {facts.not_after:%Y-%m-%d}"
    return [line, *([f"warning: {facts.warning(now)}"] if facts.warning(now) else [])]
