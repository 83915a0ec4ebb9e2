"""The ACME server: account, order, challenges, certificate (RFC 8555), through certbot's `acme` library.

Importing this module imports acme, josepy and requests. Keys are held in memory only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from josepy.errors import DeserializationError
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from pryv_nomad import __version__
from pryv_nomad.certificates.course import Order
from pryv_nomad.errors import ConnectionSettingError, RenewalError, Unreachable

TIMEOUT_S = 30
NONCE_ATTEMPTS = 10
"""A server may refuse any nonce and says so before it does anything (RFC 8555, 6.5); Pebble refuses some on purpose."""


def new_key() -> bytes:
    """A new EC P-256 key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Network(client.ClientNetwork):
    """The library's connection, which asks again with the next nonce as often as it takes; the library does once."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a signed request. Raises what the library raises."""
        for _ in range(NONCE_ATTEMPTS - 1):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return self._post_once(*args, **kwargs)


class Authority:
    """One order at one ACME server. Raises RenewalError for what it refuses, Unreachable when it does not answer.

    `account_key`: PEM of an EC P-256 key; the account is made when the server does not know it. `ca_cert`: file of the
    authorities that may vouch for the server itself, the system's when empty.
    """

    def __init__(self, directory: str, account_key: bytes, email: str, ca_cert: str = "") -> None:
        self._url = directory
        self._key = _account_key(account_key)
        # The annotation says bool; it goes to requests' `verify`, which takes a file as well.
        verify: Any = ca_cert or True
        self._network = Network(
            self._key, alg=ES256, verify_ssl=verify, user_agent=f"pryv-nomad/{__version__}", timeout=TIMEOUT_S
        )
        with self._own_errors("the account"):
            self._client = client.ClientV2(client.ClientV2.get_directory(directory, self._network), self._network)
            self._register(email)
        self._order: messages.OrderResource | None = None

    def place(self, key: bytes, names: tuple[str, ...]) -> None:
        """Order a certificate for `names` and the key `key` (PEM)."""
        request = crypto_util.make_csr(key, list(names))
        with self._own_errors("the order"):
            self._order = self._client.new_order(request)

    def order(self) -> Order:
        """The order as it is now."""
        with self._own_errors("the order"):
            body = messages.Order.from_json(self._get(self._placed.uri).json())
            self._order = self._placed.update(body=body)
            status = str(body.status.name)
            return Order(status, tuple(self._problems(body)) if status == "invalid" else ())

    def wanted(self) -> frozenset[str]:
        """The TXT values that prove the names which are not proven yet."""
        return frozenset(challenge.chall.validation(self._key) for challenge in self._open())

    def answer(self) -> None:
        """Tell the server to look at the TXT records."""
        with self._own_errors("the challenge"):
            for challenge in self._open():
                self._client.answer_challenge(challenge, challenge.chall.response(self._key))

    def finalise(self) -> None:
        """Ask for the certificate."""
        with self._own_errors("the certificate"):
            self._client.begin_finalization(self._placed)

    def certificate(self) -> bytes:
        """The certificate and its chain, as PEM."""
        with self._own_errors("the certificate"):
            return self._get(str(self._placed.body.certificate)).content

    def close(self) -> None:
        """Close the connections."""
        self._network.session.close()

    @property
    def _placed(self) -> messages.OrderResource:
        assert self._order is not None, "no order was placed"  # noqa: S101 - the course places one first
        return self._order

    def _register(self, email: str) -> None:
        """The key's account, made where there is none. The library raises for one that is there, and names it."""
        told = messages.NewRegistration.from_data(email=email, terms_of_service_agreed=True)
        try:
            self._client.new_account(told)
        except errors.ConflictError as known:
            self._network.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)

    def _open(self) -> Iterator[messages.ChallengeBody]:
        for authorization in self._placed.authorizations:
            if authorization.body.status == messages.STATUS_PENDING:
                offered = authorization.body.challenges
                found = [challenge for challenge in offered if isinstance(challenge.chall, challenges.DNS01)]
                if not found:
                    raise RenewalError("the ACME server offers no DNS-01 challenge", "use a server that does")
                yield found[0]

    def _problems(self, body: messages.Order) -> Iterator[str]:
        """Why each name was refused; what the order itself says where no name has a reason."""
        found = False
        for authorization in self._placed.authorizations:
            looked = self._client.poll(authorization)[0].body
            for challenge in looked.challenges:
                if challenge.error is not None:
                    found = True
                    yield f"{'*.' if looked.wildcard else ''}{looked.identifier.value}: {_told(challenge.error)}"
        if not found and body.error is not None:
            yield _told(body.error)

    def _get(self, url: str) -> requests.Response:
        return self._network.post(url, None, new_nonce_url=self._client.directory["newNonce"])

    @contextmanager
    def _own_errors(self, what: str) -> Iterator[None]:
        """Errors of the library as our own. They hold the server's words and the URL, no key."""
        try:
            yield
        except messages.Error as error:
            raise RenewalError(f"{self._url}: {what}: {_told(error)}", _remedy(error)) from None
        except errors.Error as error:
            raise RenewalError(
                f"{self._url}: {what}: not an answer of an ACME server ({type(error).__name__})", "check --directory"
            ) from None
        except requests.exceptions.SSLError:
            raise Unreachable(
                f"{self._url}: its TLS certificate is not one that this machine trusts", "give its CA with --ca-cert"
            ) from None
        except requests.RequestException as error:
            raise Unreachable(
                f"{self._url}: no answer ({type(error).__name__})", "check --directory and the way out to it"
            ) from None
        except OSError as error:
            raise ConnectionSettingError(f"--ca-cert: cannot be used: {error}", "name a readable PEM file") from None
        except (ValueError, KeyError, TypeError, AttributeError, DeserializationError) as error:
            raise RenewalError(
                f"{self._url}: {what}: not an answer of an ACME server ({type(error).__name__})", "check --directory"
            ) from None


def _account_key(pem: bytes) -> JWKEC:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RenewalError(
            "the key of the ACME account is not a P-256 key as PEM",
            "remove ACME_ACCOUNT_KEY from the Nomad Variable nomad/jobs/pryv-certificate; the next run makes one",
        )
    return JWKEC(key=key)


def _told(error: messages.Error) -> str:
    return f"{error.detail or error.description or error.typ} ({error.code or error.typ})"


def _remedy(error: messages.Error) -> str:
    return {
        "rateLimited": "wait as long as it says before the next run",
        "caa": "let SSL_CAA_ISSUER name this authority",
        "externalAccountRequired": "use a server that needs no external account",
        "invalidContact": "correct tls.acme.email",
        "unsupportedContact": "correct tls.acme.email",
    }.get(str(error.code), "correct what it names, then run it again")
