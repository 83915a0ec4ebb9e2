"""A job of which some texts are still open, as pre-serialised JSON: a job per core for the price of a join.

`CompiledJob.json(values)` is byte-identical to the canonical JSON of `convert(document, values)`; where that cannot
be had by putting texts in (a symbolic variable decides something, or has a type), it evaluates the document instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import variables as inputs
from pryv_nomad.specs.hcl.job import job_of
from pryv_nomad.specs.hcl.syntax import Document
from pryv_nomad.specs.hcl.values import NeedsValue, Symbol, Symbolic

_encode = json.JSONEncoder(ensure_ascii=False).encode


def canonical(job: Any) -> str:
    """Sorted keys, no spaces, characters as they are: the text that is hashed and sent."""
    return json.dumps(job, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def strip_nulls(value: Any) -> Any:
    """The same value without the keys that are null (in lists, nulls stay)."""
    if isinstance(value, dict):
        return {key: strip_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [strip_nulls(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class CompiledJob:
    """`segments` alternate: JSON text, then the parts of one open string, and so on; None: evaluate each time."""

    document: Document
    nomad: str
    symbols: frozenset[str]
    defaults: Mapping[str, str]
    segments: tuple[str | Symbol, ...] | None
    strings: tuple[str | Symbolic, ...]

    @property
    def is_fast(self) -> bool:
        """Whether values are put in without evaluating the document again."""
        return self.segments is not None

    def json(self, values: Mapping[str, str]) -> str:
        """The canonical JSON text of the job for these values of the variables. Raises HclError as `convert` does."""
        if self.segments is None or not values.keys() <= self.symbols or not _all_texts(values):
            return canonical(strip_nulls(job_of(self.document, values, self.nomad)))
        known = {**self.defaults, **values}
        if len(known) < len(self.symbols):
            missing = ", ".join(sorted(self.symbols - known.keys()))
            raise HclError(f"{self.document.source.filename}: the variable {missing} has no value")
        if not all(value.isascii() for value in known.values()):
            return "".join([part if isinstance(part, str) else _text(part, known) for part in self.strings])
        encoded = {name: _encode(value)[1:-1] for name, value in known.items()}
        return "".join([part if isinstance(part, str) else encoded[part.name] for part in self.segments])


def _all_texts(values: Mapping[str, str]) -> bool:
    return all(isinstance(value, str) for value in values.values())


def _text(text: Symbolic, known: Mapping[str, str]) -> str:
    """One open string, filled and normalised: composed characters may arise where two parts meet."""
    return _encode(
        normalize("NFC", "".join(part if isinstance(part, str) else known[part.name] for part in text.parts))
    )


def compiled(document: Document, symbols: Sequence[str], nomad: str) -> CompiledJob:
    """Raises HclError where the document is wrong or a symbol is not declared."""
    variables = inputs.declared(document)
    for name in symbols:
        if name not in variables:
            raise HclError(
                f"{document.source.filename}: there is no variable {name!r} to be filled in later",
                f'declare it: variable "{name}" {{ type = string }}',
            )
    chosen = [variables[name] for name in symbols]
    defaults = {variable.name: variable.default for variable in chosen if variable.has_default}
    pieces = None
    if all(inputs.is_text(variable) for variable in chosen) and all(isinstance(d, str) for d in defaults.values()):
        pieces = _pieces(document, symbols, nomad)
    return CompiledJob(
        document, nomad, frozenset(symbols), defaults, _flattened(pieces) if pieces else None, tuple(pieces or ())
    )


def _pieces(document: Document, symbols: Sequence[str], nomad: str) -> list[str | Symbolic] | None:
    try:
        job = strip_nulls(job_of(document, {}, nomad, symbols))
    except NeedsValue:
        return None
    pieces: list[str | Symbolic] = []
    _write(job, pieces)
    return _merged(pieces)


def _write(value: Any, pieces: list[str | Symbolic]) -> None:
    if isinstance(value, Symbolic):
        pieces.append(value)
    elif isinstance(value, dict):
        for index, key in enumerate(sorted(value)):
            pieces.append(f"{',' if index else '{'}{_encode(key)}:")
            _write(value[key], pieces)
        pieces.append("}" if value else "{}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            pieces.append("," if index else "[")
            _write(item, pieces)
        pieces.append("]" if value else "[]")
    else:
        pieces.append(_encode(value))


def _merged(pieces: list[str | Symbolic]) -> list[str | Symbolic]:
    result: list[str | Symbolic] = []
    run: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            run.append(piece)
        else:
            result += ["".join(run), piece]
            run = []
    return [*result, "".join(run)]


def _flattened(pieces: list[str | Symbolic]) -> tuple[str | Symbol, ...] | None:
    """The pieces down to single symbols, for values in ASCII, which can be joined without a thought.

    None where a literal behind a symbol begins with a character that could compose with the value before it.
    """
    flat: list[str | Symbol] = []
    for piece in pieces:
        parts = ("", piece, "") if isinstance(piece, str) else ('"', *piece.parts, '"')
        for index, part in enumerate(parts):
            if isinstance(part, Symbol):
                flat.append(part)
                continue
            inner = isinstance(piece, Symbolic) and 0 < index < len(parts) - 1
            if inner and index > 1 and ord(part[0]) >= 0x300:
                return None
            text = _encode(part)[1:-1] if inner else part
            if flat and isinstance(flat[-1], str):
                flat[-1] += text
            else:
                flat.append(text)
    return tuple(flat)
