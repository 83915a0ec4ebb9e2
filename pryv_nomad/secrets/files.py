"""Reads the files that an operator hands over."""

from __future__ import annotations

from pathlib import Path

from pryv_nomad.errors import CertificateError

_LARGEST = 48 * 1024
"""A Nomad Variable holds 64 KiB in all; a chain of certificates has about 8 KiB."""


def read_pem(path: Path) -> bytes:
    """The content of a PEM file. Raises CertificateError, which never holds the content."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}", "name the PEM file") from error
    if len(content) > _LARGEST or not content.isascii():
        raise CertificateError(f"{path}: not a PEM file of at most {_LARGEST // 1024} KiB", "name the PEM file")
    return content
