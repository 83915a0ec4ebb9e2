"""register.json and dns.json as they are read: the JSON document and the cores that it lists. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Unreadable(ValueError):
    """The text is no JSON object; the message says why, without a piece of the text, which holds secrets."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file. `digest` tells two texts apart."""

    data: Json
    digest: str

    @property
    def hostings(self) -> Mapping[str, Mapping[str, Any]]:
        """`net.hostings`, empty where it is no object of objects."""
        found = section(self.data, "net").get("hostings")
        if not isinstance(found, dict) or not all(isinstance(cores, dict) for cores in found.values()):
            return {}
        return found

    @property
    def cores(self) -> frozenset[str]:
        """The names of all cores that it lists."""
        return frozenset(core for cores in self.hostings.values() for core in cores)

    @property
    def domain(self) -> str:
        """The platform's domain, empty where it does not say it."""
        found = section(self.data, "dns").get("domain")
        return found if isinstance(found, str) else ""


def section(data: Mapping[str, Any], name: str) -> Json:
    """The object under `name`, empty where it is none."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def digest_of(text: bytes) -> str:
    """What tells two texts apart."""
    return hashlib.sha256(text).hexdigest()[:16]


def read(text: bytes) -> Document:
    """The document. Raises Unreadable for what is no JSON object, names a key twice or was cut off."""
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Unreadable("not JSON: nested too deep") from None
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return Document(found, digest_of(text))


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Not named, because some keys are keys.
        raise Unreadable("the same key is there twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise Unreadable(f"not JSON: {name}")
