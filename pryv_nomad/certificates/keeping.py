"""The certificate and the account's key in Nomad Variables; a task reads both by its own identity.

The certificate lies where `pryv-nomad secrets tls` puts it, so edges reload whoever renewed it. The account's key lies
in the variable of the job alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pryv_nomad.errors import CertificateError, Conflict
from pryv_nomad.secrets import tls
from pryv_nomad.secrets.store import Variables
from pryv_nomad.specs.secret_paths import SHARED

JOB = "pryv-certificate"
OWN = f"{SHARED}/{JOB}"
ACCOUNT_KEY = "ACME_ACCOUNT_KEY"
CONSUL_TOKEN = "CONSUL_HTTP_TOKEN"  # noqa: S105 - a key's name
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """The stored certificate and key (PEM); both are None where there is none."""

    certificate: str | None
    key: str | None = None

    def __repr__(self) -> str:
        return f"<Kept {'certificate' if self.certificate else 'nothing'}>"


class Keeping:
    """Reads and writes them. Every write is a check-and-set."""

    def __init__(self, nomad: Variables) -> None:
        self._nomad = nomad

    def kept(self) -> Kept:
        """What is stored now."""
        items, _ = self._items(SHARED)
        return _kept(items)

    def store(self, certificate: bytes, key: bytes, before: Kept) -> None:
        """Store certificate and key, if those that are stored are still `before`; the variable's other keys may have
        changed. Raises Conflict when somebody else stored a certificate meanwhile."""
        new = {tls.CERTIFICATE_KEY: certificate.decode(), tls.PRIVATE_KEY_KEY: key.decode()}
        for attempt in range(ATTEMPTS):
            items, index = self._items(SHARED)
            if _kept(items) != before:
                raise Conflict(
                    f"somebody else stored a certificate in the Nomad Variable {SHARED} meanwhile; theirs stays",
                    "`pryv-nomad secrets list` tells when it ends",
                )
            try:
                self._nomad.put_variable(SHARED, {**items, **new}, cas=index)
                return
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise

    def account_key(self, made: bytes) -> bytes:
        """The account's key: the stored one, else `made`, which is stored first."""
        items, index = self._items(OWN)
        if ACCOUNT_KEY not in items:
            try:
                self._nomad.put_variable(OWN, {**items, ACCOUNT_KEY: made.decode()}, cas=index)
                return made
            except Conflict:
                items, _ = self._items(OWN)
                if ACCOUNT_KEY not in items:
                    raise
        return items[ACCOUNT_KEY].encode()

    def consul_token(self) -> str:
        """The token that the operator stored for this job's use of Consul, empty where there is none."""
        return self._items(OWN)[0].get(CONSUL_TOKEN, "")

    def _items(self, path: str) -> tuple[dict[str, str], int]:
        variable = self._nomad.variable(path)
        if variable is None:
            return {}, 0
        return dict(variable.get("Items") or {}), int(variable.get("ModifyIndex") or 0)


def _kept(items: Mapping[str, str]) -> Kept:
    return Kept(items.get(tls.CERTIFICATE_KEY), items.get(tls.PRIVATE_KEY_KEY))


def reason(kept: Kept, names: tuple[str, ...], now: datetime, days_left: int) -> str:
    """Why the stored certificate must be renewed, empty when it is good for more than `days_left` days."""
    if not kept.certificate or not kept.key:
        return "there is no certificate"
    try:
        facts = tls.read(kept.certificate.encode())
    except CertificateError as error:
        return error.message
    missing = [name for name in names if name not in facts.names]
    if missing:
        return f"the certificate is not for {', '.join(missing)}"
    if facts.issuer == facts.subject:
        return "the certificate is self-signed"
    if facts.not_after - now <= timedelta(days=days_left):
        return f"the certificate ends on {facts.not_after:%Y-%m-%d}"
    return ""
