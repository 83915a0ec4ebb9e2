"""Lays HCL text out as `nomad fmt` does, so that templates need not care: they are macros in macros, and a wrongly
indented line is what a reader stumbles over. Heredocs are left to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEREDOC = re.compile(r"<<-?([A-Za-z][A-Za-z0-9._-]*)$")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ATTRIBUTE = re.compile(r'([A-Za-z_][A-Za-z0-9_-]*|"(?:[^"\\]|\\.)*") += +(\S.*)')


def tidy(text: str) -> str:
    """The text, indented by two spaces a block, with `=` aligned and blank lines singled. The meaning stays."""
    return "\n".join(_aligned(_indented(text))) + "\n"


def _indented(text: str) -> Iterator[tuple[str, bool]]:
    """Lines, and whether each may be aligned with its neighbours (a line of a heredoc may not)."""
    depth, gap, opened, marker = 0, False, True, ""
    for raw in text.split("\n"):
        line = raw.strip()
        if marker:
            ended = line == marker
            yield line if ended else raw, False
            marker = "" if ended else marker
            continue
        if not line:
            gap = True
            continue
        code = "" if line.startswith("#") else _STRING.sub("", line)
        closes = len(code) - len(code.lstrip("}])"))
        if gap and not opened and not closes:
            yield "", False
        yield "  " * (depth - closes) + line, not line.startswith("#")
        depth += sum(map(code.count, "{[(")) - sum(map(code.count, "}])"))
        gap, opened = False, line.endswith("{")
        heredoc = _HEREDOC.search(code)
        marker = heredoc[1] if heredoc else ""


def _aligned(lines: Iterator[tuple[str, bool]]) -> Iterator[str]:
    run: list[tuple[str, str, str]] = []
    for line, free in lines:
        body = line.lstrip()
        match = _ATTRIBUTE.fullmatch(body) if free else None
        indent = line[: len(line) - len(body)]
        if match and (not run or run[0][0] == indent):
            run.append((indent, match[1], match[2]))
            if _is_open(match[2]):
                yield from _flush(run)
            continue
        yield from _flush(run)
        if match:
            run.append((indent, match[1], match[2]))
        else:
            yield line
    yield from _flush(run)


def _is_open(value: str) -> bool:
    return value.endswith(("{", "[")) or _HEREDOC.search(value) is not None


def _flush(run: list[tuple[str, str, str]]) -> Iterator[str]:
    width = max((len(name) for _, name, _ in run), default=0)
    for indent, name, value in run:
        yield f"{indent}{name.ljust(width)} = {value}"
    run.clear()
