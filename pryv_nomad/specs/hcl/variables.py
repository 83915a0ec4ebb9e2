"""Input variables and locals of a job file: declared, typed, given a value (jobspec2/types.variables.go)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from unicodedata import normalize

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import values
from pryv_nomad.specs.hcl.evaluate import Scope
from pryv_nomad.specs.hcl.syntax import Attribute, Block, Call, Document, Expression, Source, Traversal
from pryv_nomad.specs.hcl.values import Symbol, Symbolic, Unsuitable, Value

# "string", "number", "bool", "null", ("list", Type), ("map", Type); and what an untyped default has:
# ("tuple", [Type …]), ("object", {key: Type …})
Type = str | tuple[str, Any]

_PRIMITIVE = {"string": values.to_text, "number": values.to_number, "bool": values.to_bool}


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable. `type` is None where neither a type nor a default says one."""

    at: int
    name: str
    type: Type | None
    default: Value
    has_default: bool


def declared(document: Document) -> dict[str, Variable]:
    """The variables of `variable` and `variables` blocks, by name."""
    result: dict[str, Variable] = {}
    constants = Scope(document.source, constant=True)
    for block in document.body.blocks:
        if block.type == "variable":
            found = [_declaration(document.source, block, constants)]
        elif block.type == "variables":
            found = [_short_declaration(attribute, constants) for attribute in _only_attributes(document.source, block)]
        else:
            continue
        for variable in found:
            if variable.name in result:
                raise document.source.error(variable.at, f"the variable {variable.name} is declared twice")
            result[variable.name] = variable
    return result


def given(
    document: Document, variables: Mapping[str, Variable], given_values: Mapping[str, object], symbols: Sequence[str]
) -> dict[str, Value]:
    """The value of each variable; those named in `symbols` stay symbolic where that is possible (`is_text`)."""
    for name in given_values:
        if name not in variables:
            near = difflib.get_close_matches(name, variables, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise HclError(
                f"{document.source.filename}: a value for the variable {name!r} was given, but none is declared{hint}",
                f'declare it: variable "{name}" {{ type = string }}',
            )
    result: dict[str, Value] = {}
    for name, variable in variables.items():
        if name in symbols:
            result[name] = Symbolic((Symbol(name),))
        elif name in given_values:
            result[name] = _converted(document.source, variable, given_values[name])
        elif variable.has_default:
            result[name] = variable.default
        else:
            raise document.source.error(
                variable.at, f"the variable {name} has no value", "give it one, or a default in its block"
            )
    return result


def is_text(variable: Variable) -> bool:
    """Whether every value of the variable is a text and is used as it is."""
    return variable.type in ("string", None)


def _converted(source: Source, variable: Variable, value: object) -> Value:
    try:
        return convert_to(_own(value), variable.type)
    except Unsuitable as error:
        raise source.error(variable.at, f"the value of the variable {variable.name}: {error}") from None


def _own(value: object) -> Value:
    """A Python value as a value of ours."""
    if isinstance(value, str):
        return normalize("NFC", value)
    if isinstance(value, float):
        return values.to_number(Fraction(repr(value)))
    if isinstance(value, list | tuple):
        return [_own(item) for item in value]
    if isinstance(value, Mapping):
        return {normalize("NFC", str(key)): _own(item) for key, item in value.items()}
    if value is None or isinstance(value, int):
        return value
    raise Unsuitable(f"a {type(value).__name__} is not a value of HCL")


def convert_to(value: Value, wanted: Type | None) -> Value:
    """Raises Unsuitable."""
    if value is None or wanted is None or wanted == "null":
        return value
    if isinstance(wanted, str):
        return _PRIMITIVE[wanted](value)
    collection, inner = wanted
    if collection == "list" and isinstance(value, list):
        return [convert_to(item, inner) for item in value]
    if collection == "map" and isinstance(value, dict):
        return {key: convert_to(item, inner) for key, item in value.items()}
    if collection == "tuple" and isinstance(value, list) and len(value) == len(inner):
        return [convert_to(item, each) for item, each in zip(value, inner, strict=True)]
    if collection == "object" and isinstance(value, dict) and value.keys() == inner.keys():
        return {key: convert_to(item, inner[key]) for key, item in value.items()}
    if collection in ("tuple", "object"):
        raise Unsuitable("it must have the shape of the default, since no type is declared")
    raise Unsuitable(f"a {collection} is needed, not {values.named(value)}")


# -- declarations ------------------------------------------------------------------------------------------------


def _declaration(source: Source, block: Block, constants: Scope) -> Variable:
    if len(block.labels) != 1:
        raise source.error(block.at, 'a variable has one name: variable "name" { … }')
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", block.labels[0]):
        raise source.error(block.at, f"{block.labels[0]!r} is not a name for a variable")
    if block.body.blocks:
        raise source.error(block.body.blocks[0].at, f"{block.body.blocks[0].type} in a variable is not supported")
    attributes = block.body.attributes
    for name, attribute in attributes.items():
        if name not in ("type", "default", "description"):
            raise source.error(attribute.at, f"a variable has no argument {name!r}")
    if "description" in attributes:
        constants.value(attributes["description"].value)
    kind = _type(source, attributes["type"].value) if "type" in attributes else None
    if "default" not in attributes:
        return Variable(block.at, block.labels[0], kind, None, has_default=False)
    expression = attributes["default"].value
    default = constants.value(expression)
    try:
        default = convert_to(default, kind)
    except Unsuitable as error:
        raise source.error(expression.at, f"the default of {block.labels[0]}: {error}") from None
    return Variable(block.at, block.labels[0], kind or _type_of(default), default, has_default=True)


def _short_declaration(attribute: Attribute, constants: Scope) -> Variable:
    default = constants.value(attribute.value)
    return Variable(attribute.at, attribute.name, _type_of(default), default, has_default=True)


def _type_of(value: Value) -> Type:
    """The type that a default gives: a list is a tuple of just that length, an object has just those keys."""
    if isinstance(value, bool):
        return "bool"
    if values.is_number(value):
        return "number"
    if isinstance(value, list):
        return ("tuple", [_type_of(item) for item in value])
    if isinstance(value, dict):
        return ("object", {key: _type_of(item) for key, item in value.items()})
    return "null" if value is None else "string"


def _type(source: Source, expression: Expression) -> Type:
    if isinstance(expression, Traversal) and not expression.steps:
        if expression.root in ("string", "number", "bool"):
            return expression.root
    elif isinstance(expression, Call) and expression.name in ("list", "map") and len(expression.arguments) == 1:
        return (expression.name, _type(source, expression.arguments[0]))
    raise source.error(expression.at, "this type is not supported", "use string, number, bool, list(…) or map(…)")


def _only_attributes(source: Source, block: Block) -> list[Attribute]:
    if block.labels:
        raise source.error(block.at, f"{block.type} takes no label")
    if block.body.blocks:
        raise source.error(block.body.blocks[0].at, f"{block.type} holds arguments only, no blocks")
    return list(block.body.attributes.values())


# -- locals ------------------------------------------------------------------------------------------------------


class Locals:
    """The values of `locals` blocks, each evaluated when first asked for; a circle among them is an error."""

    def __init__(self, document: Document, variables: Mapping[str, Value]) -> None:
        self._source = document.source
        self._expressions: dict[str, Attribute] = {}
        for block in document.body.blocks:
            for attribute in _only_attributes(document.source, block) if block.type == "locals" else ():
                if attribute.name in self._expressions:
                    raise self._source.error(attribute.at, f"the local {attribute.name} is set twice")
                self._expressions[attribute.name] = attribute
        self._values: dict[str, Value] = {}
        self._open: list[str] = []
        self.scope = Scope(document.source, variables, self.value)

    def evaluate_all(self) -> None:
        """Nomad evaluates every local, used or not: an error in an unused one is an error."""
        for name, attribute in self._expressions.items():
            self.value(name, attribute.at)

    def value(self, name: str, at: int) -> Value:
        if name in self._values:
            return self._values[name]
        if name not in self._expressions:
            raise self._source.error(at, f"there is no local {name!r}")
        if name in self._open:
            raise self._source.error(at, f"the locals {', '.join(self._open)} refer to each other in a circle")
        self._open.append(name)
        try:
            self._values[name] = self.scope.value(self._expressions[name].value)
        finally:
            self._open.pop()
        return self._values[name]
