"""Requests, answers, and which function answers which path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote

from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]
F = TypeVar("F")


@dataclass(slots=True)
class Request:
    """A request: `args` are the variable parts of the path, `query` the parameters (the last one wins)."""

    method: str
    path: str
    query: dict[str, str]
    pairs: list[tuple[str, str]]
    body: bytes
    args: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, method: str, target: str, body: bytes) -> Request:
        path, _, query = target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        return cls(method, path, dict(pairs), pairs, body)

    def json(self) -> Json:
        """The body as a JSON object; raises `Refusal` (400)."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refusal(400, f"cannot parse the request: {error}") from error
        if not isinstance(value, dict):
            raise Refusal(400, "the request is not a JSON object")
        return value

    def flag(self, name: str) -> bool:
        """Whether a parameter is given and does not say no."""
        return name in self.query and self.query[name].lower() not in ("false", "0")

    def number(self, name: str) -> int | None:
        """A whole number among the parameters, None when it is not given; raises `Refusal` (400)."""
        if name not in self.query:
            return None
        try:
            return int(self.query[name])
        except ValueError as error:
            raise Refusal(400, f"{name} is not a number: {self.query[name]}") from error


@dataclass(slots=True)
class Reply:
    """An answer. `body`: JSON, or bytes as they are; `index` becomes the API's index header; `stream` sends pieces
    until it ends."""

    body: Any = None
    index: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    content_type: str = "application/json"


def encoded(value: Any) -> bytes:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Table(Generic[F]):
    """Functions by method and path. A part `{name}` matches one segment, a last part `{name...}` all the rest."""

    def __init__(self) -> None:
        self._plain: dict[tuple[str, str], F] = {}
        self._patterns: list[tuple[str, list[str], F]] = []

    def add(self, methods: str, pattern: str, function: F) -> None:
        """`methods`: words such as `PUT POST`."""
        for method in methods.split():
            if "{" in pattern:
                self._patterns.append((method, pattern.split("/"), function))
            else:
                self._plain[method, pattern] = function

    def route(self, methods: str, pattern: str) -> Callable[[F], F]:
        """A decorator that adds a function."""

        def register(function: F) -> F:
            self.add(methods, pattern, function)
            return function

        return register

    def find(self, request: Request) -> F | None:
        """The function for a request, whose `args` are filled in."""
        path = request.path.rstrip("/")
        plain = self._plain.get((request.method, path))
        if plain is not None:
            return plain
        parts = path.split("/")
        for method, pattern, function in self._patterns:
            if method == request.method:
                args = _match(pattern, parts)
                if args is not None:
                    request.args = args
                    return function
        return None


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    args: dict[str, str] = {}
    for number, part in enumerate(pattern):
        if part.endswith("...}"):
            rest = "/".join(parts[number:])
            if not rest and number > len(parts):
                return None
            args[part[1:-4]] = unquote(rest)
            return args
        if number >= len(parts):
            return None
        if part.startswith("{"):
            args[part[1:-1]] = unquote(parts[number])
        elif part != parts[number]:
            return None
    return args if len(parts) == len(pattern) else None
