"""YAML as people write it, from plain data; every text reads back as it went in.

Texts of several lines are blocks where YAML can hold them as such, else they stay in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml

_WIDTH = 10_000
# What a block keeps to the letter: printable, no blanks before a line's end, no blank at the very beginning.
_VISIBLE = r"\x21-\x7e\u00a1-\u1fff\u3001-\ud7ff"
_BLOCK = re.compile(rf"(?![ \t\n])(?:[ \t{_VISIBLE}]*[{_VISIBLE}]\n|\n)+")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class _Dumper(yaml.CSafeDumper):
    """Block style, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the writer's interface
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.Node:
    if "\n" in value and _BLOCK.fullmatch(value) and not value.endswith("\n\n"):
        style = "|"
    else:
        style = "" if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


class Octal(int):
    """A file's mode, written as people write modes."""


def _octal(dumper: yaml.CSafeDumper, value: Octal) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"0{int(value):o}")


_Dumper.add_representer(Octal, _octal)


def yaml_text(value: Any, head: Iterable[str] = ()) -> str:
    """`value` as one YAML document; `head` are the lines of the comment before it."""
    return comment(head) + _dumped(value)


def yaml_documents(values: Iterable[Any], head: Iterable[str] = ()) -> str:
    """`values` as YAML documents one after the other."""
    return comment(head) + "---\n".join(_dumped(value) for value in values)


def comment(lines: Iterable[str]) -> str:
    """The lines as a comment, each on one line whatever it holds."""
    return "".join(f"# {_one_line(line)}".rstrip() + "\n" for line in lines)


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _dumped(value: Any) -> str:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=_WIDTH)
    assert isinstance(text, str)  # noqa: S101 - without a stream, yaml.dump returns the text
    return text


class Raw(str):
    """Text that a target's own interpolation is meant to read."""

    __slots__ = ()


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with `change` made to every text in it that is not `Raw`, keys left alone."""
    match value:
        case Raw():
            return str(value)
        case str():
            return change(value)
        case Mapping():
            return {key: mapped(item, change) for key, item in value.items()}
        case Sequence():
            return [mapped(item, change) for item in value]
        case _:
            return value


def dollars(value: Any) -> Any:
    """`value` for a compose file, whose reader takes `$` for a variable and `$$` for the sign."""
    return mapped(value, lambda text: text.replace("$", "$$"))
