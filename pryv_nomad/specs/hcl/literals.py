"""Text as HCL source: what a template uses to put any value into a job file so that it reads back as it is.

Nomad normalises every string to Unicode NFC, so a text that is not in NFC reads back composed.
"""

from __future__ import annotations

import re

from pryv_nomad.errors import HclError

_TEMPLATE = re.compile(r"(\$+|%+)\{")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]')


def quoted(text: str) -> str:
    """The text as a quoted HCL string, on one line. Raises HclError for half a character (a lone surrogate)."""
    return f'"{_SPECIAL.sub(_escape, escaped(text))}"'


def escaped(text: str) -> str:
    """The text for the inside of a heredoc: only `${` and `%{` mean something there.

    A heredoc cannot hold everything: it always ends in a newline, and neither a lone carriage return nor a line that
    is the end marker can stand in it.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise HclError(f"a text holds half a character (U+{ord(text[error.start]):04X}), which HCL cannot") from None
    return _TEMPLATE.sub(lambda found: f"{found[1][0]}{found[0]}", text)


def _escape(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[0]) or f"\\u{ord(found[0]):04x}"
