"""One HTTP session that python-nomad and py-consul share with us: TLS verified, timeouts, retries, errors as our own.

Both libraries send everything through a `requests.Session`, so replacing the session is what gives every one of their
calls (and ours) the same habits. What requests would read from the process's environment (proxies, netrc, certificate
bundles) is off: `options` has read what we honour. The token lives here only, and is put on each request as a header.

Importing this module imports requests: the clients do so when they are made.
"""

from __future__ import annotations

import json
import random
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import requests.adapters
import urllib3
from requests import exceptions

from pryv_nomad.clients.failures import ConflictAfterRetry, Failures, is_page, is_permanent
from pryv_nomad.clients.options import TIMEOUT_S, ConnectionOptions
from pryv_nomad.clients.retries import RETRIED_STATUSES, Retries, retry_after
from pryv_nomad.clients.unix_socket import UnixAdapter
from pryv_nomad.errors import Conflict, ConnectionSettingError, PryvNomadError

CONNECT_TIMEOUT_S = 5.0
POOL_SIZE = 32
READ_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock and the dice, so that tests need neither to wait nor to be lucky.

    `clock` counts seconds from anywhere, `now` seconds since 1970 (for Retry-After dates), `roll` gives [0, 1).
    """

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    roll: Callable[[], float] = random.random


def tls_context(options: ConnectionOptions) -> ssl.SSLContext:
    """The TLS settings of `options`: the named authorities and no others, or the system's when none is named.

    Raises ConnectionSettingError naming the variable whose file cannot be used.
    """
    names = options.variables
    which = names.ca_cert if options.ca_cert else names.ca_path
    try:
        context = ssl.create_default_context(cafile=options.ca_cert or None, capath=options.ca_path or None)
        if options.client_cert:
            which = f"{names.client_cert} or {names.client_key}"
            context.load_cert_chain(options.client_cert, options.client_key, password=_no_password)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConnectionSettingError(
            f"{which}: cannot be used: {reason}", "name readable PEM files; the key must fit and have no password"
        ) from error
    if options.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return context


def _no_password() -> str:
    """Refuse a key that needs a password, where OpenSSL would otherwise ask for it on the terminal."""
    raise ValueError("the key has a password")


class TlsAdapter(requests.adapters.HTTPAdapter):
    """requests' connection pool with our own TLS context and the name that the server's certificate must carry.

    requests on its own adds the certifi bundle to any context, which would trust every public authority besides the
    one that was named; hence `cert_verify` and the pool's key are ours (the latter since requests 2.32).
    """

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._tls: dict[str, Any] = {"ssl_context": context}
        if server_name:
            self._tls["server_hostname"] = server_name
            if context.check_hostname:
                self._tls["assert_hostname"] = server_name
        super().__init__(pool_connections=2, pool_maxsize=POOL_SIZE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests', with our TLS settings for every connection."""
        super().init_poolmanager(*args, **(kwargs | self._tls))

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """As requests', with our TLS settings for the connection inside the proxy's tunnel."""
        return super().proxy_manager_for(proxy, **(kwargs | self._tls))

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the context alone: it is complete."""

    def build_connection_pool_key_attributes(  # type: ignore[override]
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The pool's host, and none of the TLS settings that requests would derive: the pool has ours."""
        del verify, cert
        url = urllib.parse.urlsplit(str(request.url))
        return {"scheme": url.scheme, "host": url.hostname, "port": url.port}, {}


class Session(requests.Session):
    """A requests.Session for one server. Safe to share between threads; up to 32 connections are kept open.

    `token_header` is the header that carries the token. Every failure is one of `pryv_nomad.errors`.
    """

    def __init__(
        self,
        options: ConnectionOptions,
        token_header: str,
        *,
        retries: Retries | None = None,
        timeout_s: float = TIMEOUT_S,
        timing: Timing | None = None,
    ) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.failures = Failures(options)
        self.timeout_s = timeout_s
        self._options = options
        self._token_header = token_header
        self._retries = retries or Retries()
        self._timing = timing or Timing()
        if options.proxy:
            self.proxies = {"http": options.proxy, "https": options.proxy}
        plain = requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=POOL_SIZE)
        self.mount("http://", UnixAdapter(options.socket, POOL_SIZE) if options.socket else plain)
        if options.secure:
            self.mount("https://", TlsAdapter(tls_context(options), options.server_name))

    def __repr__(self) -> str:
        return f"<Session of {self.failures.server}>"

    def request(  # type: ignore[override]
        self,
        method: str | bytes,
        url: str | bytes,
        *,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        json: Any = None,
        timeout: float | None = None,
        stream: bool = False,
        repeatable: bool | None = None,
        missing_ok: bool = False,
        **_ignored: Any,
    ) -> requests.Response:
        """Send one request, trying again where that is safe, and return an answer below 300.

        `timeout` is how long the server may be silent, in seconds; `repeatable` says whether the request may be sent
        twice (None: a read may); with `missing_ok` a 404 is returned instead of raised. What the libraries pass besides
        (verify, cert, allow_redirects) is decided by the options instead.
        """
        verb, address = str(method).upper(), str(url)
        what = f"{verb} {urllib.parse.urlsplit(address).path}"
        call = _Call(
            method=verb,
            url=address,
            what=what,
            timeout_s=timeout or self.timeout_s,
            stream=stream,
            missing_ok=missing_ok,
            body={"params": params, "headers": self._headers(headers), "data": data, "json": json},
        )
        return self._persist(call, verb in READ_METHODS if repeatable is None else repeatable)

    def content(self, response: requests.Response, silence_s: float | None = None) -> bytes:
        """The whole body of an answer that was asked for as a stream."""
        return b"".join(self.chunks(response, silence_s))

    def chunks(self, response: requests.Response, silence_s: float | None = None) -> Iterator[bytes]:
        """The body of a streamed answer as it arrives. Raises Unreachable when it breaks, or is silent for too long.

        `silence_s` is the `timeout` that the request was sent with, for the message.
        """
        # Nomad and Consul send streams in chunks. What comes without (through a proxy) is read byte by byte: a larger
        # read would wait until it is full.
        size = None if getattr(response.raw, "chunked", False) else 1
        broken = ""
        try:
            yield from response.iter_content(size)
            return
        except exceptions.RequestException as error:
            broken = _reason(error)
        what = f"{response.request.method} {urllib.parse.urlsplit(response.url).path}"
        if "read timed out" in broken.lower():
            raise self.failures.silent(what, silence_s or self.timeout_s)
        raise self.failures.disconnected(what, broken)

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        merged = dict(headers or {})
        merged.pop(self._token_header, None)
        if self._options.token:
            merged[self._token_header] = self._options.token
        return merged

    def _persist(self, call: _Call, repeatable: bool) -> requests.Response:
        begun, tried = self._timing.clock(), 0
        while True:
            tried += 1
            result = self._try(call)
            if isinstance(result, requests.Response):
                vars(result)["retried"] = tried > 1
                return result
            elapsed = self._timing.clock() - begun
            pause = (
                self._retries.pause(tried, elapsed, self._timing.roll(), result.retry_after_s)
                if repeatable and result.passing
                else None
            )
            if pause is None:
                raise _after(tried, result.error)
            self._timing.sleep(pause)

    def _try(self, call: _Call) -> requests.Response | _Failure:
        """One attempt. Errors come back as values, so that none keeps the request (and its token) as its context."""
        try:
            response = super().request(
                call.method,
                call.url,
                timeout=(min(CONNECT_TIMEOUT_S, call.timeout_s), call.timeout_s),
                stream=call.stream,
                allow_redirects=False,
                **call.body,
            )
        except exceptions.SSLError as error:
            reason = _reason(error)
            # A server that restarts breaks handshakes off; all other TLS failures would come again.
            return _Failure(self.failures.tls(reason), passing="eof occurred" in reason.lower())
        except exceptions.Timeout:
            return _Failure(self.failures.timed_out(call.what, call.timeout_s), passing=True)
        except exceptions.RequestException as error:
            return self._broken(call, _reason(error))
        return self._judge(call, response)

    def _broken(self, call: _Call, reason: str) -> _Failure:
        if "read timed out" in reason.lower():
            return _Failure(self.failures.timed_out(call.what, call.timeout_s), passing=True)
        if "alert" in reason.lower() and "ssl" in reason.lower():
            return _Failure(self.failures.tls(reason), passing=False)
        return _Failure(self.failures.disconnected(call.what, reason), passing=True)

    def _judge(self, call: _Call, response: requests.Response) -> requests.Response | _Failure:
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        if status < 300 and (call.stream or not is_page(kind, response.content[:64])):
            return response
        try:
            body = response.content
        except exceptions.RequestException as error:
            return self._broken(call, _reason(error))
        if status == 404 and call.missing_ok and not is_page(kind, body[:64]):
            return response
        fault = self.failures.of_answer(status, kind, body, call.what)
        passing = status in RETRIED_STATUSES and not is_permanent(status, body.decode("utf-8", "replace"))
        asked = response.headers.get("Retry-After", "") if passing else ""
        return _Failure(fault, passing=passing, retry_after_s=retry_after(asked, self._timing.now()) if asked else 0.0)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: str
    what: str
    timeout_s: float
    stream: bool
    missing_ok: bool
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong, whether another try may go better, and the pause that the server asked for."""

    error: PryvNomadError
    passing: bool
    retry_after_s: float = 0.0


def _after(tried: int, error: PryvNomadError) -> PryvNomadError:
    """A conflict that follows an unanswered try may be with that very try: say so."""
    if tried > 1 and isinstance(error, Conflict):
        hint = "an earlier try of this same write may have arrived unanswered"
        return ConflictAfterRetry(error.message, f"{hint}; {error.remedy}")
    return error


def was_retried(response: requests.Response) -> bool:
    """Whether this answer is that of a second or later try."""
    return bool(vars(response).get("retried", False))


def decode(response: requests.Response, failures: Failures) -> Any:
    """The JSON of an answer, or None where its body is empty. Raises Unreachable for anything else."""
    body = response.content
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError:
        pass
    raise failures.not_json(f"{response.request.method} {urllib.parse.urlsplit(str(response.request.url)).path}")


def _reason(error: BaseException) -> str:
    """The innermost text of a requests exception, which wraps urllib3's, which wraps the operating system's."""
    inner: Any = error
    for _ in range(8):
        deeper = getattr(inner, "reason", None) or next((a for a in inner.args if isinstance(a, BaseException)), None)
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    text = str(inner)
    _, found, after = text.partition("object at 0x")
    return after.partition(": ")[2] or text if found else text
