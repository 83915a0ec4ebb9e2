"""The platform's wildcard certificate: is it one for this domain, for this key, for now, and with its chain?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pryv_nomad.errors import CertificateError

CERTIFICATE_KEY, PRIVATE_KEY_KEY = "TLS_CERTIFICATE", "TLS_KEY"
"""Keys of the Nomad Variable that hold them."""

SOON = timedelta(days=30)
"""How long before its end a certificate is called out."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an operator wants to know of a certificate."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    chain: int

    def warning(self, now: datetime) -> str:
        """A sentence when it ends soon, else an empty text."""
        left = self.not_after - now
        return f"the certificate ends in {left.days} days ({self.not_after:%Y-%m-%d})" if left < SOON else ""


def check(certificate_pem: bytes, key_pem: bytes, domain: str, now: datetime) -> Certificate:
    """The certificate, if edges can serve `domain` with it. Raises CertificateError with every reason why not.

    `certificate_pem`: the certificate, then its chain. `now`: with time zone.
    """
    certificate, *chain = _load_chain(certificate_pem)
    problems = [*_problems(certificate, chain, domain, now), *_key_problems(certificate, key_pem)]
    if problems:
        raise CertificateError(
            "\n".join(problems), "nothing was stored; give the certificate, its chain and its key as PEM"
        )
    return describe(certificate, len(chain))


def read(certificate_pem: bytes) -> Certificate:
    """What a stored certificate says of itself. Raises CertificateError when it is not one."""
    certificate, *chain = _load_chain(certificate_pem)
    return describe(certificate, len(chain))


def describe(certificate: x509.Certificate, chain: int) -> Certificate:
    """A certificate's facts. `chain`: how many certificates follow it."""
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        names=_names(certificate),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        chain=chain,
    )


def _load_chain(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError("the certificate is not PEM", "it begins with -----BEGIN CERTIFICATE-----") from error


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(extension.value.get_values_for_type(x509.DNSName))


def _problems(
    certificate: x509.Certificate, chain: list[x509.Certificate], domain: str, now: datetime
) -> Iterator[str]:
    names = _names(certificate)
    if f"*.{domain}" not in names:
        yield f"the certificate is for {', '.join(names) or 'no name'}, not for *.{domain}"
    if now < certificate.not_valid_before_utc:
        yield f"the certificate begins only on {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if now >= certificate.not_valid_after_utc:
        yield f"the certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    for number, (lower, upper) in enumerate(zip([certificate, *chain], chain, strict=False), 1):
        if lower.issuer != upper.subject:
            yield f"certificate {number + 1} of the chain is not the issuer of the one before it"


def _key_problems(certificate: x509.Certificate, key_pem: bytes) -> Iterator[str]:
    try:
        key = load_pem_private_key(key_pem, password=None)
    except TypeError:
        yield "the private key is encrypted; edges need it without a passphrase"
        return
    except (ValueError, UnsupportedAlgorithm):
        yield "the private key is not PEM, or of a kind that is not supported"
        return
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        yield "the private key is not the certificate's"
