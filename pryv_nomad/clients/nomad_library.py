"""Our extension of python-nomad: its requester with our session, quoted path segments, and a namespace on every call.

python-nomad 2.1 verifies no certificate by default, has no time limit on a stream, joins path segments as they are (the
id of a periodic job's child holds a slash) and sends the namespace to some endpoints only. Importing this module
imports python-nomad and requests.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

import nomad
import nomad.api.base
import requests

from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import Retries
from pryv_nomad.clients.transport import Session, Timing

TOKEN_HEADER = "X-Nomad-Token"  # noqa: S105 - a header's name


class NomadRequester(nomad.api.base.Requester):  # type: ignore[misc]
    """python-nomad's Requester, over a `Session`.

    `call` is what our clients use; the library's own `request` works too, with the same session underneath.
    """

    def __init__(self, options: NomadOptions, session: Session) -> None:
        super().__init__(
            address=options.address,
            namespace=options.namespace or None,
            region=options.region or None,
            timeout=session.timeout_s,
            session=session,
        )

    def __repr__(self) -> str:
        return f"<NomadRequester of {self.session.failures.server}>"

    def _endpoint_builder(self, *args: str) -> str:
        return "/".join([self.version, *(urllib.parse.quote(segment, safe="") for segment in args if segment)])

    def _required_namespace(self, endpoint: str) -> bool:
        """Every endpoint takes a namespace, and those that have no use for it ignore it."""
        del endpoint
        return True

    def call(
        self,
        method: str,
        *segments: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        stream: bool = False,
        repeatable: bool | None = None,
    ) -> requests.Response:
        """Send `method` to /v1/segments: each segment is quoted. `body` is JSON, or the bytes of a JSON text.

        A parameter of None is left out, a boolean is written as Nomad reads it.
        """
        return self.send(
            method,
            self._endpoint_builder(*segments),
            params=params,
            body=body,
            headers=headers,
            timeout_s=timeout_s,
            stream=stream,
            repeatable=repeatable,
        )

    def send(
        self,
        method: str,
        endpoint: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        stream: bool = False,
        repeatable: bool | None = None,
    ) -> requests.Response:
        """As `call`, for an endpoint that is already a quoted path (`v1/var/nomad/jobs`)."""
        query = {key: _parameter(value) for key, value in (params or {}).items() if value is not None}
        query |= self._query_string_builder(endpoint, params=query)
        return self.session.request(  # type: ignore[no-any-return]
            method,
            self._url_builder(endpoint),
            params=query,
            headers=headers,
            data=body if isinstance(body, bytes) else None,
            json=None if isinstance(body, bytes) else body,
            timeout=timeout_s,
            stream=stream,
            repeatable=repeatable,
        )


def _parameter(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def connect(options: NomadOptions, retries: Retries | None, timeout_s: float, timing: Timing | None) -> NomadRequester:
    """A requester of its own session. Raises ConnectionSettingError for a certificate that cannot be used."""
    session = Session(options, TOKEN_HEADER, retries=retries, timeout_s=timeout_s, timing=timing)
    return NomadRequester(options, session)


def library(options: NomadOptions, session: Session) -> nomad.Nomad:
    """The whole of python-nomad over our session: verified TLS, time limits, retries and our errors.

    It would fill what is not given from the process's own environment; what `options` says stands instead.
    """
    whole = nomad.Nomad(
        address=options.address,
        namespace=options.namespace or "default",
        region=options.region or None,
        timeout=session.timeout_s,
        session=session,
    )
    whole.token, whole.region = None, options.region or None
    whole.requester_settings |= {"token": None, "region": whole.region}
    for endpoint in vars(whole).values():
        if isinstance(endpoint, nomad.api.base.Requester):
            endpoint.token, endpoint.region, endpoint.cert = None, whole.region, ()
    return whole
