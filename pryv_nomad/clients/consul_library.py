"""Our extension of py-consul: its HTTP client over our session, and no token but the one that the options name.

py-consul lets CONSUL_HTTP_TOKEN of the process win over a token that was passed in, and writes tokens into bodies; here
the session alone knows the token. Importing this module imports py-consul and requests.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import consul
import consul.base
import consul.exceptions

from pryv_nomad.clients.blocking import patience
from pryv_nomad.clients.failures import Failures
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.clients.retries import Retries
from pryv_nomad.clients.transport import Session, Timing, was_retried
from pryv_nomad.errors import NotFound

TOKEN_HEADER = "X-Consul-Token"  # noqa: S105 - a header's name

# A second arrival of a write with one of these parameters, or to one of these paths, changes nothing more.
REPEATABLE_PARAMETERS = frozenset({"cas", "acquire", "release"})
REPEATABLE_PATHS = ("/v1/session/renew/", "/v1/session/destroy/")

Parameters = Sequence[tuple[str, Any]]


class ConsulHttp(consul.base.HTTPClient):  # type: ignore[misc]
    """py-consul's HTTP client over a `Session`."""

    def __init__(self, options: ConsulOptions, session: Session) -> None:
        address = urllib.parse.urlsplit(options.address)
        super().__init__(address.hostname, address.port, address.scheme)
        self.base_uri = options.address
        self.session = session

    def send(
        self,
        method: str,
        callback: Callable[[Any], Any],
        path: str,
        params: Parameters | None = None,
        *,
        data: str | bytes = "",
        headers: dict[str, str] | None = None,
        raw: bool = False,
        repeatable: bool | None = None,
        missing_ok: bool = True,
    ) -> tuple[Any, bool]:
        """Send a request and give `callback` the answer as py-consul's Response; a 404 is one too with `missing_ok`.

        Returns what `callback` does, and whether the request was sent more than once.
        """
        if repeatable is None:
            guarded = any(name in REPEATABLE_PARAMETERS for name, _ in params or ())
            repeatable = method == "GET" or guarded or path.startswith(REPEATABLE_PATHS)
        response = self.session.request(
            method,
            self.uri(path, list(params or ())),
            headers=headers,
            data=data or None,
            timeout=self._limit(params),
            repeatable=repeatable,
            missing_ok=missing_ok,
        )
        body = response.content if raw else response.content.decode("utf-8", "replace")
        result = callback(consul.base.Response(response.status_code, response.headers, body))
        return result, was_retried(response)

    def _limit(self, params: Parameters | None) -> float:
        given = dict(params or ())
        if "index" not in given:
            return self.session.timeout_s
        wait = str(given.get("wait", ""))
        return patience(self.session.timeout_s, float(wait[:-2]) / 1000 if wait.endswith("ms") else None)

    def get(
        self,
        callback: Callable[[Any], Any],
        path: str,
        params: Parameters | None = None,
        headers: dict[str, str] | None = None,
        raw: bool = False,
    ) -> Any:
        """As py-consul's."""
        return self.send("GET", callback, path, params, headers=headers, raw=raw)[0]

    def put(
        self,
        callback: Callable[[Any], Any],
        path: str,
        params: Parameters | None = None,
        data: str | bytes = "",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """As py-consul's."""
        return self.send("PUT", callback, path, params, data=data, headers=headers)[0]

    def delete(
        self,
        callback: Callable[[Any], Any],
        path: str,
        params: Parameters | None = None,
        data: str | bytes = "",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """As py-consul's."""
        return self.send("DELETE", callback, path, params, data=data, headers=headers)[0]

    def post(
        self,
        callback: Callable[[Any], Any],
        path: str,
        params: Parameters | None = None,
        data: str | bytes = "",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """As py-consul's."""
        return self.send("POST", callback, path, params, data=data, headers=headers)[0]

    def close(self) -> None:
        """Close the pooled connections."""
        self.session.close()


class ConsulLibrary(consul.Consul):  # type: ignore[misc]
    """py-consul's Consul over our session. It has all of py-consul's endpoints (`kv`, `catalog`, `session` …)."""

    def __init__(self, options: ConsulOptions, session: Session) -> None:
        self._connect: Callable[[], ConsulHttp] = lambda: ConsulHttp(options, session)
        super().__init__(host="from-options", port=0, scheme="http", verify=True)
        self.token = None
        self.scheme = urllib.parse.urlsplit(options.address).scheme

    def http_connect(self, *_: Any, **__: Any) -> ConsulHttp:
        """The client of our session, whatever py-consul worked out from its own reading of the environment."""
        return self._connect()


def connect(options: ConsulOptions, retries: Retries | None, timeout_s: float, timing: Timing | None) -> ConsulLibrary:
    """A client of its own session. Raises ConnectionSettingError for a certificate that cannot be used."""
    return ConsulLibrary(options, Session(options, TOKEN_HEADER, retries=retries, timeout_s=timeout_s, timing=timing))


@contextmanager
def own_errors(failures: Failures, what: str) -> Iterator[None]:
    """Turn what py-consul raises about an answer (the session has raised all else already) into our errors."""
    raised: Exception
    try:
        yield
        return
    except consul.exceptions.NotFound as error:
        raised = NotFound(f"{failures.server} has no such thing: {what}: {failures.text(str(error))}", "", 404)
    except consul.exceptions.ConsulException:
        raised = failures.not_json(what)
    raise raised
