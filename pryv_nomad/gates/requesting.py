"""One HTTP request with limits: time, size, no redirects, TLS verified, and no address or token in what is told."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

MOST_BYTES = 1_000_000
CHUNK = 16_384


class NoAnswer(Exception):
    """The request got no usable answer; the text says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, the body's first MB, and how many seconds it took."""

    status: int
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Asking:
    """How requests are made. `token` is sent as a bearer token."""

    timeout_s: float
    ca_file: str | None = None
    token: str | None = None

    def get(self, url: str, params: dict[str, str] | None = None) -> Reply:
        """GET. Raises NoAnswer."""
        return self._send("GET", url, params=params)

    def post(self, url: str, body: bytes) -> Reply:
        """POST of JSON. Raises NoAnswer."""
        return self._send("POST", url, body=body)

    def _send(self, method: str, url: str, params: dict[str, str] | None = None, body: bytes | None = None) -> Reply:
        headers = {"User-Agent": "pryv-nomad"}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        begun = time.monotonic()
        try:
            with requests.Session() as session:
                # A .netrc or a proxy of the operator's shell would send the request, or a password, elsewhere.
                session.trust_env = False
                answer = session.request(
                    method,
                    url,
                    params=params,
                    data=body,
                    headers=headers,
                    timeout=self.timeout_s,
                    verify=self.ca_file or True,
                    allow_redirects=False,
                    stream=True,
                )
                with answer:
                    content = self._read(answer, begun)
                    return Reply(answer.status_code, content, time.monotonic() - begun)
        except (requests.RequestException, OSError, ValueError) as error:
            raise NoAnswer(f"{place(url)}: {_why(error)}") from None

    def _read(self, answer: requests.Response, begun: float) -> bytes:
        """The body; the library's own limit counts from one byte to the next, so one that drips is ended here."""
        content = b""
        try:
            # What has arrived, and not what it takes to fill a block.
            while len(content) < MOST_BYTES and (chunk := answer.raw.read1(CHUNK, decode_content=True)):
                content += chunk
                if time.monotonic() - begun > self.timeout_s:
                    raise requests.Timeout
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.Timeout from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError from error
        return content


def place(url: str) -> str:
    """Scheme and host of an address: its path may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")


def _why(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not trusted, or TLS failed"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return error.strerror or "cannot be read"
    return "no usable answer"


class NotSet(Exception):
    """An environment variable that is named in the cluster file is not set here."""


def from_environment(name: str | None) -> str | None:
    """The value of a variable, None where none is named. Raises NotSet."""
    if name is None:
        return None
    value = os.environ.get(name)
    if not value:
        raise NotSet(f"the environment variable {name} is not set where the rollout is driven")
    return value
