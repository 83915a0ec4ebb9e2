"""Turns what went wrong between us and a server into one of our errors, with the variable to set.

Pure: it sees a status, some text and the options, and returns an exception; it raises nothing and opens nothing. A
token never gets into a message: `Failures.text` replaces it even where a server or a proxy echoes it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pryv_nomad.clients.options import ConnectionOptions
from pryv_nomad.errors import ApiError, Conflict, NotFound, PryvNomadError, Unauthorized, Unreachable

SHOWN_CHARACTERS = 600

# Answers with status 500 that a second try will not change. "N error(s) occurred" is how Nomad lists what is wrong with
# a job (hashicorp/go-multierror). A server that is not the leader puts "rpc error: " before the leader's text.
STALE_JOB = "Enforcing job modify index"
NO_SESSION = "invalid session"
NO_LEADER = "No cluster leader"
STALE_VERSION = "enforcing version"
FORBIDDEN = ("Permission denied", "ACL token not found", "ACL not found", "ACL support disabled", "token expired")
_PERMANENT = re.compile(
    r"Enforcing job modify index|enforcing version|errors? occurred:|can't revert|invalid session|"
    r"Permission denied|not found$"
)


class ConflictAfterRetry(Conflict):
    """A conflict met by a second try, whose first may have arrived without our seeing the answer."""


def is_permanent(status: int, text: str) -> bool:
    """Whether the same request would get the same answer again, although its status looks like a passing fault."""
    return status == 500 and _PERMANENT.search(text) is not None


def is_page(content_type: str, start: bytes) -> bool:
    """Whether a body is a web page rather than an answer of an API: `start` is its first bytes."""
    return "html" in content_type.lower() or start.lstrip()[:1] == b"<"


def _conflict(text: str) -> str:
    """What to show of a conflict. Nomad answers with the variable that is there, secrets and all: no JSON is shown,
    but for the reasons that a transaction of Consul's gives (`{"Errors": [{"OpIndex": 0, "What": "…"}]}`).
    """
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    errors = (body.get("Errors") if isinstance(body, dict) else None) or []
    reasons = [str(error["What"]) for error in errors if isinstance(error, dict) and "What" in error]
    return "; ".join(reasons) or "the check index does not match"


@dataclass(frozen=True, slots=True)
class Failures:
    """The errors of one server, described with its own names."""

    options: ConnectionOptions

    @property
    def server(self) -> str:
        """`Nomad at http://127.0.0.1:4646`, or the path of its socket."""
        return f"{self.options.service} at {self.options.socket or self.options.address}"

    def text(self, text: str) -> str:
        """`text` on few lines, shortened, and without the token."""
        if self.options.token:
            text = text.replace(self.options.token, "(token)")
        text = text.strip()
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} …"

    def of_answer(self, status: int, content_type: str, body: bytes, what: str) -> PryvNomadError:
        """The error of an answer that is not the one asked for. `what` is the method and path (`GET /v1/jobs`)."""
        if is_page(content_type, body[:64]):
            return self.proxy(status, what)
        text = self.text(body.decode("utf-8", "replace"))
        if "HTTP request to an HTTPS server" in text:
            return Unreachable(
                f"{self.server} speaks TLS, but the address says http://",
                f"set {self.options.variables.address} to an https:// address",
                status,
            )
        if status in (401, 403) or (status == 500 and text.endswith(FORBIDDEN)):
            return self.unauthorized(status, text, what)
        if status == 404 or (status == 500 and (text.endswith("not found") or NO_SESSION in text)):
            return NotFound(f"{self.server} does not know {what}: {text or 'not found'}", "", status)
        if status == 409 or (status == 500 and (STALE_JOB in text or STALE_VERSION in text)):
            return Conflict(
                f"{self.options.service} refused {what}: {self.text(_conflict(body.decode('utf-8', 'replace')))}",
                "somebody else changed it meanwhile: look at what is there now, then plan again",
            )
        if 300 <= status < 400:
            return self.proxy(status, what)
        if status in (502, 503, 504) or (status == 500 and NO_LEADER in text):
            return Unreachable(
                f"{self.server} cannot serve {what} now (status {status}): {text}",
                f"check that {self.options.service}'s servers run and have elected a leader",
                status,
            )
        remedy = "ask for less at a time, or try again later" if status == 429 else ""
        return ApiError(f"{self.server} answered {what} with {status}: {text}", remedy, status)

    def unauthorized(self, status: int, text: str, what: str) -> Unauthorized:
        """The token is missing or may not do this."""
        variable = self.options.variables.token
        if self.options.token:
            remedy = f"the token in {variable} is unknown, expired or may not do this: use another"
        else:
            remedy = f"set {variable} to a token that may do this"
        return Unauthorized(f"{self.server} refused {what}: {text}", remedy, status)

    def proxy(self, status: int, what: str) -> Unreachable:
        """Something answered that is not the service."""
        return Unreachable(
            f"{self.server}: a proxy answered, not {self.options.service} (status {status} to {what})",
            f"check {self.options.variables.address} and what stands between here and there",
            status,
        )

    def not_json(self, what: str) -> Unreachable:
        """A body that should have been JSON and is not."""
        return Unreachable(
            f"{self.server}: the answer to {what} is not JSON, so a proxy answered, not {self.options.service}",
            f"check {self.options.variables.address} and what stands between here and there",
        )

    def timed_out(self, what: str, seconds: float) -> Unreachable:
        """Nothing came in time."""
        return Unreachable(
            f"{self.server} did not answer {what} within {seconds:g} s",
            f"check that {self.options.service} has a leader and that the network is well",
        )

    def silent(self, what: str, seconds: float) -> Unreachable:
        """A stream on which nothing came for too long."""
        return Unreachable(
            f"{self.server} sent nothing more to {what} for {seconds:g} s",
            "check the network, and that the server lives",
        )

    def disconnected(self, what: str, reason: str) -> Unreachable:
        """No connection, or one that broke. `reason` is the network's own text."""
        names = self.options.variables
        remedy = f"check that {self.options.service} runs there, or set {names.address}"
        if self.options.secure and not self.options.client_cert and "refused" not in reason:
            remedy += f" (a server that wants a client certificate needs {names.client_cert} and {names.client_key})"
        return Unreachable(f"cannot reach {self.server} ({what}): {self.text(reason)}", remedy)

    def tls(self, reason: str) -> Unreachable:
        """A TLS handshake that failed, with the variable that would have helped."""
        remedy = self._tls_remedy(reason.lower())
        return Unreachable(f"cannot speak TLS with {self.server}: {self.text(reason)}", remedy)

    def _tls_remedy(self, reason: str) -> str:
        names = self.options.variables
        if "hostname mismatch" in reason or "ip address mismatch" in reason or "doesn't match" in reason:
            return f"set {names.server_name} to a name that the server's certificate carries"
        if "certificate required" in reason or "handshake failure" in reason or "bad certificate" in reason:
            return f"set {names.client_cert} and {names.client_key} to a client certificate that the server accepts"
        if "eof occurred" in reason:
            both = f"{names.client_cert} and {names.client_key}"
            return f"the server broke off: if it wants a client certificate, set {both}"
        if "wrong version number" in reason or "record layer failure" in reason or "unknown protocol" in reason:
            return f"the server speaks no TLS: set {names.address} to an http:// address"
        if "expired" in reason or "not yet valid" in reason:
            return "renew the server's certificate, or set this machine's clock"
        if "unknown ca" in reason:
            return f"the server does not know who signed the certificate in {names.client_cert}"
        return f"set {names.ca_cert} (or {names.ca_path}) to the authority that signed the server's certificate"
