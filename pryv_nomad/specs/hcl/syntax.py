"""The syntax tree of a job file: what the parser makes and the evaluator reads.

Every node knows the character offset `at` where it starts, so that an error found much later (an unknown block, a
wrong type) can still name its line and column.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pryv_nomad.errors import HclError

Number = int | Fraction


class Source:
    """The text of one file, for messages and for the traversals that Nomad keeps as they are written."""

    __slots__ = ("_line_starts", "filename", "text")

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename
        self._line_starts: list[int] = []

    def place(self, at: int) -> str:
        """`file:line:column` of a character offset; lines and columns count from 1."""
        if not self._line_starts:
            self._line_starts = [0] + [index + 1 for index, char in enumerate(self.text) if char == "\n"]
        line = bisect_right(self._line_starts, at)
        return f"{self.filename}:{line}:{at - self._line_starts[line - 1] + 1}"

    def error(self, at: int, what: str, remedy: str = "") -> HclError:
        return HclError(f"{self.place(at)}: {what}", remedy)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a boolean, null, or a string without anything to put in."""

    at: int
    value: str | Number | bool | None


@dataclass(frozen=True, slots=True)
class Template:
    """A quoted string or heredoc with interpolations: literal texts and expressions in turn."""

    at: int
    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """`"${x}"` and nothing else: HCL gives the value of `x` itself, of whatever type."""

    at: int
    inner: Expression


@dataclass(frozen=True, slots=True)
class Traversal:
    """`root.name[0]["key"]`, every step known beforehand; `end` is the offset behind its last character."""

    at: int
    end: int
    root: str
    steps: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """`collection[key]` with a key to evaluate, or a step into the result of another expression."""

    at: int
    collection: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Tuple:
    at: int
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Object:
    at: int
    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Parentheses:
    """Kept, because `(name)` as a key is a reference and `config` wraps a bare object in a list only."""

    at: int
    inner: Expression


@dataclass(frozen=True, slots=True)
class Call:
    at: int
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    at: int
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    at: int
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    at: int
    condition: Expression
    then: Expression
    otherwise: Expression


Known = Literal | Template | Wrapped | Tuple | Object | Parentheses
Expression = Known | Traversal | Index | Call | Unary | Binary | Conditional


@dataclass(frozen=True, slots=True)
class Attribute:
    at: int
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Block:
    at: int
    type: str
    labels: tuple[str, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Body:
    """The inside of a block or of the file. `at` is where a message about something missing points to."""

    at: int
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed job file, not yet evaluated."""

    source: Source
    body: Body
