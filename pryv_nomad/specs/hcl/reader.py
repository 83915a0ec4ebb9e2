"""From python-hcl2's parse tree to our syntax tree, refusing what its grammar lets through and HashiCorp's does not.

Such are: two arguments in a one-line block, arguments or blocks that share a line, a line break before an opening
brace or inside an expression outside of brackets, object elements without a separator, an argument set twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import template
from pryv_nomad.specs.hcl.grammar import tree_of
from pryv_nomad.specs.hcl.syntax import (
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Document,
    Expression,
    Index,
    Literal,
    Object,
    Parentheses,
    Source,
    Traversal,
    Tuple,
    Unary,
)

Node = Any  # a lark Tree or Token: lark has no types for what a grammar makes

_LINE_END = re.compile(r"(?:[ \t\r]|/\*(?:.|\n)*?\*/)*(?:\n|#|//|\Z)")
_COMMENT = re.compile(r"/\*(?:.|\n)*?\*/")
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def read(text: str, filename: str) -> Document:
    """Parse a whole file. Raises HclError (`file:line:column: what`) at the first thing that is wrong."""
    source = Source(text, filename)
    try:
        return Document(source, _Reader(source).body(_tree(source).children[0], 0))
    except RecursionError:
        raise source.error(0, "the file is nested too deeply") from None


def _tree(source: Source) -> Node:
    try:
        return tree_of(source, source.text + "\n", "start", 0)
    except HclError:
        template.check_strings(source)
        raise


class _Reader:
    """`offset` is where the parsed text stands in the file: 0, or the place of an interpolation's expression."""

    def __init__(self, source: Source, offset: int = 0) -> None:
        self.source = source
        self._offset = offset

    def _at(self, node: Node) -> int:
        start = node.start_pos if hasattr(node, "type") else node.meta.start_pos
        return int(start) + self._offset

    def _end(self, node: Node) -> int:
        """Where a node ends, not counting the line breaks that the grammar hangs at its end."""
        while hasattr(node, "children"):
            last = next((c for c in reversed(node.children) if getattr(c, "data", "") != "new_line_or_comment"), None)
            if last is None:
                return int(node.meta.end_pos) + self._offset
            node = last
        return int(node.end_pos) + self._offset

    # -- bodies and blocks ---------------------------------------------------------------------------------------

    def body(self, tree: Node, at: int, one_line: bool = False) -> Body:
        attributes: dict[str, Attribute] = {}
        blocks: list[Block] = []
        for child in _significant(tree):
            if child.data == "attribute":
                attribute = self.attribute(child, one_line)
                if attribute.name in attributes:
                    raise self.source.error(attribute.at, f"{attribute.name} is set twice in this block")
                attributes[attribute.name] = attribute
            else:
                blocks.append(self.block(child))
        return Body(at, attributes, tuple(blocks))

    def attribute(self, tree: Node, one_line: bool) -> Attribute:
        name, _, value = tree.children
        if not one_line:
            self._ends_line(self._end(value), "an argument must end its line")
        return Attribute(self._at(tree), str(name.children[0]), self.expression(value, breaks=False))

    def block(self, tree: Node) -> Block:
        head = list(tree.children)
        brace = next(i for i, child in enumerate(head) if getattr(child, "type", "") == "LBRACE")
        kind, body = head[0], head[brace + 1]
        labels = []
        for child in head[1:brace]:
            if child.data == "new_line_or_comment" and self._breaks(child):
                raise self.source.error(self._at(tree), "the opening brace must stand on the line of its block")
            if child.data == "string":
                labels.append(self._label(child))
            elif child.data != "new_line_or_comment":
                labels.append(str(child.children[0]))
        one_line = self._is_one_line(head[brace], body, head[-1])
        self._ends_line(head[-1].end_pos, "a block's closing brace must end its line")
        inner = self.body(body, head[brace].start_pos, one_line)
        return Block(self._at(tree), str(kind.children[0]), tuple(labels), inner)

    def _label(self, tree: Node) -> str:
        label = template.quoted(self.source, self._at(tree), self._end(tree), self._embedded)
        if not isinstance(label, Literal) or not isinstance(label.value, str):
            raise self.source.error(self._at(tree), "a block's label cannot contain ${…}", "write $${ for a literal ${")
        return label.value

    def _is_one_line(self, opening: Node, body: Node, closing: Node) -> bool:
        """A block is on one line with at most one argument, or has a line for each of its members."""
        members = list(_significant(body))
        if not members or _LINE_END.match(self.source.text, opening.end_pos):
            return False
        first = members[0]
        if len(members) > 1 or first.data == "block":
            at = self._at(members[1 if len(members) > 1 else 0])
            raise self.source.error(at, "a block on one line holds one argument at most", "give each argument a line")
        between = self.source.text[self._end(first) : closing.start_pos]
        if "\n" in _COMMENT.sub("", between) or self.source.text[self._end(first) - 1] == "\n":
            raise self.source.error(self._at(first), "a block that begins on one line must end on it")
        return True

    def _ends_line(self, end: int, what: str) -> None:
        if not self._line_ended(end):
            raise self.source.error(end, what)

    # -- expressions ---------------------------------------------------------------------------------------------

    def _embedded(self, start: int, end: int) -> Expression:
        """The expression between `${` and `}`; line breaks mean nothing there."""
        text = self.source.text[start:end]
        stripped = text.lstrip()
        offset = start + len(text) - len(stripped)
        if not stripped:
            raise self.source.error(start, "${} holds no expression", "write $${ for a literal ${")
        tree = tree_of(self.source, stripped, "expression", offset)
        return _Reader(self.source, offset).expression(tree, breaks=True)

    def expression(self, tree: Node, breaks: bool) -> Expression:
        """`breaks`: whether a line may break inside, as it may within brackets."""
        method = getattr(self, f"_{tree.data}", None)
        if method is None:
            raise self.source.error(self._at(tree), f"{_SPOKEN.get(tree.data, tree.data)} is not supported")
        result: Expression = method(tree, breaks)
        return result

    def _expr_term(self, tree: Node, breaks: bool) -> Expression:
        first = tree.children[0]
        if getattr(first, "type", "") == "LPAR":
            inner = next(_significant(tree))
            return Parentheses(self._at(tree), self.expression(inner, breaks=True))
        return self.expression(first, breaks)

    def _int_lit(self, tree: Node, _: bool) -> Expression:
        return Literal(self._at(tree), int("".join(tree.children)))

    def _float_lit(self, tree: Node, _: bool) -> Expression:
        return Literal(self._at(tree), Fraction("".join(tree.children)))

    def _literal_value(self, tree: Node, _: bool) -> Expression:
        return Literal(self._at(tree), _LITERALS[str(tree.children[0])])

    def _identifier(self, tree: Node, _: bool) -> Expression:
        return Traversal(self._at(tree), self._end(tree), str(tree.children[0]))

    def _string(self, tree: Node, _: bool) -> Expression:
        return template.quoted(self.source, self._at(tree), self._end(tree), self._embedded)

    def _heredoc_template(self, tree: Node, _: bool) -> Expression:
        return template.heredoc(self.source, self._at(tree), self._end(tree), self._embedded)

    _heredoc_template_trim = _heredoc_template

    def _tuple(self, tree: Node, _: bool) -> Expression:
        return Tuple(self._at(tree), tuple(self.expression(child, breaks=True) for child in _significant(tree)))

    def _object(self, tree: Node, _: bool) -> Expression:
        items: list[tuple[Expression, Expression]] = []
        separated, ended = True, 0
        for child in tree.children:
            kind = getattr(child, "type", "")
            if kind == "COMMA":
                if items and self._line_ended(ended):
                    raise self.source.error(self._at(child), "a comma cannot begin a line of an object")
                separated = True
            elif not kind and child.data == "object_elem":
                if not separated and not self._line_ended(ended):
                    raise self.source.error(self._at(child), "a comma or a line break is missing before this element")
                items.append(self._element(child))
                separated, ended = False, self._end(child)
        return Object(self._at(tree), tuple(items))

    def _line_ended(self, end: int) -> bool:
        return self.source.text[end - 1] == "\n" or _LINE_END.match(self.source.text, end) is not None

    def _element(self, tree: Node) -> tuple[Expression, Expression]:
        key_tree, _, value = tree.children
        inner = key_tree.children[0]
        if inner.data == "keyword":
            if str(inner.children[0]) == "for":
                raise self.source.error(self._at(inner), "a for expression is not supported", "quote the key")
            return Literal(self._at(inner), str(inner.children[0])), self.expression(value, breaks=False)
        key = self.expression(inner, breaks=False)
        if isinstance(key, Traversal):
            if key.steps:
                raise self.source.error(key.at, "a key of several names is ambiguous", "quote it or use parentheses")
            key = Literal(key.at, key.root)
        elif isinstance(key, Literal) and (key.value is None or isinstance(key.value, bool)):
            key = Literal(key.at, self.source.text[key.at : self._end(inner)])
        return key, self.expression(value, breaks=False)

    def _function_call(self, tree: Node, _: bool) -> Expression:
        names = [child for child in _significant(tree) if child.data == "identifier"]
        if len(names) > 1:
            raise self.source.error(self._at(tree), "functions with a namespace are not supported")
        arguments: list[Expression] = []
        for child in _significant(tree):
            if child.data != "arguments":
                continue
            for part in child.children:
                if getattr(part, "type", "") == "ELLIPSIS":
                    raise self.source.error(self._at(part), "argument expansion (...) is not supported")
            arguments = [self.expression(part, breaks=True) for part in _significant(child)]
        return Call(self._at(tree), str(names[0].children[0]), tuple(arguments))

    def _get_attr_expr_term(self, tree: Node, breaks: bool) -> Expression:
        of, step = tree.children
        name = str(step.children[1].children[0])
        return self._step(tree, self.expression(of, breaks), Literal(self._at(step), name))

    def _index_expr_term(self, tree: Node, breaks: bool) -> Expression:
        of, index = tree.children
        if index.data == "short_index":
            key: Expression = Literal(self._at(index), int(index.children[1]))
        else:
            key = self.expression(next(_significant(index)), breaks=True)
        return self._step(tree, self.expression(of, breaks), key)

    def _step(self, tree: Node, collection: Expression, key: Expression) -> Expression:
        """A step known beforehand lengthens the traversal, as in HashiCorp's parser; others are evaluated."""
        if isinstance(collection, Traversal) and isinstance(key, Literal):
            step = key.value
            if isinstance(step, str) or (isinstance(step, int) and not isinstance(step, bool)):
                return Traversal(collection.at, self._end(tree), collection.root, (*collection.steps, step))
        return Index(self._at(tree), collection, key)

    def _unary_op(self, tree: Node, breaks: bool) -> Expression:
        operator, operand = tree.children
        return Unary(self._at(tree), str(operator), self.expression(operand, breaks))

    def _binary_op(self, tree: Node, breaks: bool) -> Expression:
        left, term = list(_significant(tree))
        operator, right = list(_significant(term))
        if not breaks:
            self._refuse_break(tree, self._end(left), self._at(right))
        return Binary(
            self._at(tree),
            str(operator.children[0]).split()[-1],
            self.expression(left, breaks),
            self.expression(right, breaks),
        )

    def _conditional(self, tree: Node, breaks: bool) -> Expression:
        condition, then, otherwise = list(_significant(tree))
        if not breaks:
            self._refuse_break(tree, self._end(condition), self._at(then))
            self._refuse_break(tree, self._end(then), self._at(otherwise))
        return Conditional(
            self._at(tree),
            self.expression(condition, breaks),
            self.expression(then, breaks),
            self.expression(otherwise, breaks),
        )

    def _refuse_break(self, tree: Node, start: int, end: int) -> None:
        between = self.source.text[start:end]
        if "\n" in _COMMENT.sub("", between):
            raise self.source.error(self._at(tree), "an expression cannot break the line here", "put it in parentheses")

    def _breaks(self, tree: Node) -> bool:
        return any(not str(token).startswith("/*") for token in tree.children)


_SPOKEN = {
    "attr_splat_expr_term": "a splat (.*)",
    "full_splat_expr_term": "a splat ([*])",
    "for_tuple_expr": "a for expression",
    "for_object_expr": "a for expression",
    "template_string": "an escaped quote outside of a string",
}


def _significant(tree: Node) -> Iterator[Node]:
    """The children that are trees, without line breaks and comments."""
    for child in tree.children:
        if hasattr(child, "data") and child.data != "new_line_or_comment":
            yield child
