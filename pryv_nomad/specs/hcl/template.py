"""Quoted strings and heredocs: literal text, escapes and `${…}`, as HCL2's own scanner reads them.

python-hcl2's grammar only says where a string starts and ends; what is inside is read here, because the rules differ
in ways that matter (sources: hcl/v2 hclsyntax/scan_tokens.rl, parser_template.go; checked against Nomad 1.6.5):

- a run of n dollar signs before a brace is an interpolation for n = 1 and otherwise n-1 dollar signs and a brace;
- backslashes are escapes in quotes and plain text in heredocs, `$${` and `%%{` are escapes in both;
- `<<-` takes away the smallest indentation of its lines, not counting blank lines nor the end marker's line;
- text is normalised to Unicode NFC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unicodedata import normalize

from pryv_nomad.specs.hcl.syntax import Expression, Literal, Source, Template, Traversal, Wrapped

ReadExpression = Callable[[int, int], Expression]

_QUOTED = re.compile(r'\$+\{|%+\{|\\|["\n\r]')
_HEREDOC = re.compile(r"\$+\{|%+\{|\r(?!\n)")
_SIMPLE = re.compile(r"\$\{ *([A-Za-z_][A-Za-z0-9_-]*)((?:\.[A-Za-z_][A-Za-z0-9_-]*)*) *\}")
_HEREDOC_HEAD = re.compile(r"<<(-?)([A-Za-z][A-Za-z0-9._-]*)\r?\n")
_NESTED = re.compile(r'["{}]|<<|#|//|/\*')
_OUTSIDE = re.compile(
    r'"|(?:#|//)[^\n]*|/\*.*?\*/|<<-?([A-Za-z][A-Za-z0-9._-]*)\r?\n(?:.*?\n)??[ \t]*\1[ \t]*\r?(?:\n|\Z)', re.DOTALL
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_HEX = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
# What Go's unicode.IsSpace calls space; Python's str.isspace has four control characters more.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" + (
    "\u2028\u2029\u202f\u205f\u3000"
)
_KEYWORDS = ("true", "false", "null")


def quoted(source: Source, start: int, end: int, read: ReadExpression) -> Expression:
    """The string whose opening quote stands at `start` and whose closing quote stands before `end`."""
    return _finished(start, _parts(source, start + 1, end - 1, _QUOTED, read))


def heredoc(source: Source, start: int, end: int, read: ReadExpression) -> Expression:
    """The heredoc from its `<<` at `start` to the newline behind its end marker, which stands before `end`."""
    head = _HEREDOC_HEAD.match(source.text, start)
    if head is None:
        raise source.error(start, "a heredoc begins with << or <<- and its end marker, alone on the rest of the line")
    last_line = source.text.rindex("\n", start, source.text.rindex(head[2], start, end)) + 1
    _refuse_earlier_marker(source, head.end(), last_line, head[2])
    parts = _parts(source, head.end(), last_line, _HEREDOC, read)
    return _finished(start, _flushed(parts) if head[1] else parts)


def _refuse_earlier_marker(source: Source, start: int, end: int, marker: str) -> None:
    at = start
    for line in source.text[start:end].splitlines(keepends=True):
        if line.strip() == marker:
            raise source.error(at, f"the heredoc ends here for Nomad; remove the spaces behind {marker}")
        at += len(line)


def _finished(at: int, parts: list[str | Expression]) -> Expression:
    if not parts:
        return Literal(at, "")
    if len(parts) == 1:
        only = parts[0]
        return Literal(at, normalize("NFC", only)) if isinstance(only, str) else Wrapped(at, only)
    return Template(at, tuple(parts))


def _parts(
    source: Source, start: int, end: int, special: re.Pattern[str], read: ReadExpression
) -> list[str | Expression]:
    """Literal texts and expressions in turn; two literals never stand side by side."""
    text, at = source.text, start
    parts: list[str | Expression] = []
    literal: list[str] = []
    while (found := special.search(text, at, end)) is not None:
        literal.append(text[at : found.start()])
        mark = found[0]
        if mark == "${":
            expression, at = _interpolation(source, found.start(), end, read)
            if joined := "".join(literal):
                parts.append(joined)
            literal.clear()
            parts.append(expression)
        elif mark[-1] == "{" and mark != "%{":
            literal.append(mark[1:])
            at = found.end()
        elif mark == "\\":
            char, at = _escape(source, found.start())
            literal.append(char)
        else:
            raise _refused(source, found.start(), mark)
    literal.append(text[at:end])
    if joined := "".join(literal):
        parts.append(joined)
    return parts


def _refused(source: Source, at: int, mark: str) -> Exception:
    if mark == "%{":
        return source.error(at, "template directives (%{ if }) are not supported", "write %%{ for a literal %{")
    if mark == '"':
        return source.error(at, "the string ends here for Nomad, and text follows", 'write \\" for a quote in a string')
    return source.error(at, "a quoted string cannot span lines", "write \\n, or use a heredoc")


def _escape(source: Source, at: int) -> tuple[str, int]:
    selector = source.text[at + 1]
    if (simple := _ESCAPES.get(selector)) is not None:
        return simple, at + 2
    found = _HEX.match(source.text, at)
    if found is None:
        raise source.error(at, f"\\{selector} is not an escape sequence of HCL", "write \\\\ for a backslash")
    code = int(found[1] or found[2], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise source.error(at, f"{found[0]} is not a Unicode character")
    return chr(code), found.end()


def _interpolation(source: Source, at: int, end: int, read: ReadExpression) -> tuple[Expression, int]:
    simple = _SIMPLE.match(source.text, at, end)
    if simple is not None and simple[1] not in _KEYWORDS:
        steps = tuple(simple[2].split(".")[1:])
        return Traversal(simple.start(1), simple.end(2), simple[1], steps), simple.end()
    if source.text.startswith("${~", at):
        raise source.error(at, "the strip marker ${~ is not supported")
    close = _closing_brace(source, at + 2, end)
    if source.text[close - 1] == "~":
        raise source.error(close - 1, "the strip marker ~} is not supported")
    return read(at + 2, close), close + 1


def _closing_brace(source: Source, at: int, end: int) -> int:
    """The offset of the `}` that closes the `${` before `at`."""
    depth = 0
    start = at - 2
    while (found := _NESTED.search(source.text, at, end)) is not None:
        mark, at = found[0], found.end()
        if mark == "{":
            depth += 1
        elif mark == "}":
            if depth == 0:
                return found.start()
            depth -= 1
        elif mark == '"':
            at = _closing_quote(source, at, end)
        else:
            raise source.error(found.start(), f"{mark} is not supported inside ${{…}}")
    raise source.error(start, "this ${ is never closed", "write $${ for a literal ${")


def _closing_quote(source: Source, at: int, end: int) -> int:
    start = at - 1
    while (found := _QUOTED.search(source.text, at, end)) is not None:
        mark, at = found[0], found.end()
        if mark == '"':
            return at
        if mark == "\\":
            at += 1
        elif mark in "\r\n":
            raise _refused(source, found.start(), mark)
        elif mark in ("${", "%{"):
            at = _closing_brace(source, at, end) + 1
    raise source.error(start, "this string is never closed")


def check_strings(source: Source) -> None:
    """Raise HclError for the first quoted string of the file that is not closed on its line, if there is one.

    Asked when the grammar fails: it takes such a string for a longer one and stumbles far behind it.
    """
    at = 0
    while (found := _OUTSIDE.search(source.text, at)) is not None:
        at = found.end()
        if found[0] == '"':
            at = _closing_quote(source, at, len(source.text))


def _flushed(parts: list[str | Expression]) -> list[str | Expression]:
    """Take away the smallest indentation, counted in characters, over the lines that are not blank."""
    lines = _line_pieces(parts)
    indents = [_indent(first) for first, starts_line in lines if starts_line and not _is_blank(first)]
    depth = min(indents, default=0)
    result: list[str | Expression] = []
    for piece, starts_line in lines:
        kept = piece
        if isinstance(piece, str) and starts_line and not _is_blank(piece):
            kept = piece[depth:]
        if isinstance(kept, str) and result and isinstance(result[-1], str):
            result[-1] += kept
        elif kept != "":
            result.append(kept)
    return result


def _line_pieces(parts: list[str | Expression]) -> list[tuple[str | Expression, bool]]:
    """The parts with literals cut behind each newline, each with whether it begins a line."""
    pieces: list[tuple[str | Expression, bool]] = []
    begins = True
    for part in parts:
        if not isinstance(part, str):
            pieces.append((part, begins))
            begins = False
            continue
        for piece in re.findall(r"[^\n]*\n|[^\n]+", part):
            pieces.append((piece, begins))
            begins = piece.endswith("\n")
    return pieces


def _indent(piece: str | Expression) -> int:
    return len(piece) - len(piece.lstrip(_SPACE)) if isinstance(piece, str) else 0


def _is_blank(piece: str | Expression) -> bool:
    return isinstance(piece, str) and piece.endswith("\n") and not piece.strip(_SPACE)
