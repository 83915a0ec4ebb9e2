"""From a block of the syntax tree to the JSON object of Nomad's API, by the tables of `schema`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from pryv_nomad.specs.hcl import values
from pryv_nomad.specs.hcl.evaluate import Scope
from pryv_nomad.specs.hcl.schema.rows import Argument, Nested, Table
from pryv_nomad.specs.hcl.syntax import Attribute, Block, Body, Object
from pryv_nomad.specs.hcl.values import Symbolic, Unsuitable, Value

Json = dict[str, Any]

_CONVERT: dict[str, Callable[[Value], Value]] = {
    "string": values.to_text,
    "int": values.to_whole,
    "bool": values.to_bool,
    "duration": values.to_duration,
    "strings": values.to_texts,
    "text_map": values.to_text_map,
    "int8": lambda value: values.to_whole(value, range(-128, 128)),
    "uint8": lambda value: values.to_whole(value, range(256)),
    "uint16": lambda value: values.to_whole(value, range(2**16)),
    "uint64": lambda value: values.to_whole(value, range(2**64)),
    "uint16s": lambda value: [values.to_whole(item, range(2**16)) for item in values.to_texts(value)],
}
_ZERO: dict[str, Value] = {"string": "", "int": 0, "bool": False, "duration": 0, "uint8": 0, "uint16": 0}
_NULLABLE = ("strings", "uint16s", "text_map")

_CONSTRAINT_SHORTHANDS = ("version", "semver", "regexp", "set_contains")
_AFFINITY_SHORTHANDS = ("version", "semver", "regexp", "set_contains_any", "set_contains_all", "set_contains")
# Nomad 1.6 and 2.0 read these in a constraint and then do nothing with them (jobspec2, decodeConstraint).
_CONSTRAINT_IGNORED = ("set_contains_any", "set_contains_all", "is_set", "is_not_set")


class Decoder:
    """Decodes blocks for one Nomad version with the values of one scope."""

    def __init__(self, scope: Scope, nomad: str) -> None:
        self.scope = scope
        self._source = scope.source
        self._nomad = nomad

    def block(self, block: Block, table: Table) -> Json:
        """The JSON object of a block; zero values are there, nulls are not."""
        label = self._label(block, table)
        if table.special in ("constraint", "affinity"):
            return self._constraint(block.body, table.special)
        result: Json = dict(table.constants)
        if table.label:
            result[table.label] = label
        self._arguments(block.body, table, result)
        self._blocks(block.body, table, result)
        if table.special == "task_scaling":
            self._task_scaling(block, label, result)
        self._refuse_same_scaling(block)
        return result

    def _label(self, block: Block, table: Table) -> str:
        wanted = 1 if table.label else 0
        if len(block.labels) != wanted:
            what = "one label" if wanted else "no label"
            raise self._source.error(block.at, f"{block.type} takes {what}, not {len(block.labels)}")
        return block.labels[0] if wanted else ""

    # -- arguments -----------------------------------------------------------------------------------------------

    def _arguments(self, body: Body, table: Table, result: Json) -> None:
        for name, attribute in body.attributes.items():
            argument = table.arguments.get(name)
            if argument is None:
                self._map_argument(attribute, table, result)
                continue
            self._check_version(attribute.at, f"the argument {name} of {table.name}", argument.only)
            value = self._argument(attribute, argument)
            if value is not None:
                result[argument.key] = value
        for name, argument in table.arguments.items():
            if argument.required == self._nomad and name not in body.attributes:
                raise self._source.error(body.at, f"{table.name} needs the argument {name}")
            if argument.type in _ZERO and argument.only in ("", self._nomad):
                result.setdefault(argument.key, _ZERO[argument.type])

    def _argument(self, attribute: Attribute, argument: Argument) -> Value:
        value = self.scope.value(attribute.value)
        kind = argument.type.rstrip("?")
        if value is None:
            if kind == "duration" or not (argument.type.endswith("?") or kind in _NULLABLE):
                raise self._source.error(attribute.value.at, f"{attribute.name} cannot be null")
            return None
        try:
            return _CONVERT[kind](value)
        except Unsuitable as error:
            raise self._source.error(attribute.value.at, f"{attribute.name}: {error}") from None

    def _map_argument(self, attribute: Attribute, table: Table, result: Json) -> None:
        nested = table.blocks.get(attribute.name)
        if nested is None:
            raise self._unknown(attribute.at, "argument", attribute.name, table)
        if not nested.or_argument:
            raise self._source.error(
                attribute.at, f"{attribute.name} is a block of {table.name}, not an argument", "leave out the ="
            )
        value = self._argument(attribute, Argument(nested.key, "text_map"))
        if value is not None:
            result[nested.key] = value

    # -- blocks --------------------------------------------------------------------------------------------------

    def _blocks(self, body: Body, table: Table, result: Json) -> None:
        seen: set[str] = set()
        for block in body.blocks:
            nested = table.blocks.get(block.type)
            if nested is None:
                raise self._unknown(block.at, "block", block.type, table)
            self._check_version(block.at, f"the block {block.type} of {table.name}", nested.only)
            again = block.type in seen
            if again and (nested.shape not in ("many", "by_label") or nested.once_in == self._nomad):
                raise self._source.error(block.at, f"{table.name} takes only one {block.type}")
            if block.type in body.attributes:
                raise self._source.error(block.at, f"{block.type} is set twice, as an argument and as a block")
            seen.add(block.type)
            self._nested(block, nested, result)

    def _nested(self, block: Block, nested: Nested, result: Json) -> None:
        if nested.shape == "any_map":
            self._no_labels(block)
            result[nested.key] = values.to_json(self.free(block.body))
        elif nested.shape in ("text_map", "texts_map"):
            self._no_labels(block)
            result[nested.key] = self._named_texts(block.body, "string" if nested.shape == "text_map" else "strings")
        elif nested.table is not None:
            inner = self.block(block, nested.table)
            if nested.shape == "one":
                result[nested.key] = inner
            elif nested.shape == "many":
                result.setdefault(nested.key, []).append(inner)
            else:
                self._by_label(block, nested.key, inner, result)

    def _by_label(self, block: Block, key: str, inner: Json, result: Json) -> None:
        held = result.setdefault(key, {})
        if block.labels[0] in held:
            raise self._source.error(block.at, f"there are two {block.type} blocks {block.labels[0]!r}")
        held[block.labels[0]] = inner

    def _no_labels(self, block: Block) -> None:
        if block.labels:
            raise self._source.error(block.at, f"{block.type} takes no label, not {len(block.labels)}")

    def _named_texts(self, body: Body, kind: str) -> Json:
        if body.blocks:
            raise self._source.error(body.blocks[0].at, f"{body.blocks[0].type}: a {kind} is needed here, not a block")
        result: Json = {}
        for name, attribute in body.attributes.items():
            value = self._argument(attribute, Argument(name, kind))
            if value is not None:
                result[name] = value
        return result

    def free(self, body: Body) -> Json:
        """A block of free names, such as a driver's config.

        Blocks become lists of objects, their labels nested lists; an object written as an argument becomes a list of
        one (jobspec2/hclutil/blockattrs.go). A null argument of the outermost block is left out.
        """
        return {key: value for key, value in self._free(body).items() if value is not None}

    def _free(self, body: Body) -> Json:
        result: Json = {}
        for name, attribute in body.attributes.items():
            value = self.scope.value(attribute.value)
            result[name] = [value] if isinstance(attribute.value, Object) else value
        for block in body.blocks:
            if block.type in body.attributes:
                raise self._source.error(block.at, f"{block.type} is set twice, as an argument and as a block")
            self._refuse_dynamic(block)
            inner: Value = self._free(block.body)
            if "" in block.labels:
                raise self._source.error(block.at, f"a label of {block.type} is empty")
            for label in reversed(block.labels):
                inner = {label: [inner]}
            result.setdefault(block.type, []).append(inner)
        return result

    def _refuse_dynamic(self, block: Block) -> None:
        if block.type == "dynamic":
            raise self._source.error(block.at, "dynamic blocks are not supported", "write the blocks out")

    # -- what Nomad decodes by hand ------------------------------------------------------------------------------

    def _constraint(self, body: Body, name: str) -> Json:
        """LTarget, RTarget, Operand of a constraint or affinity, the shorthands resolved as Nomad does."""
        if body.blocks:
            raise self._unknown(body.blocks[0].at, "block", body.blocks[0].type, Table(name))
        given = {key: self._constraint_argument(attribute, name) for key, attribute in body.attributes.items()}
        result: Json = {"LTarget": given.get("attribute", ""), "RTarget": given.get("value", "")}
        operand = given.get("operator", "")
        for shorthand in _AFFINITY_SHORTHANDS if name == "affinity" else _CONSTRAINT_SHORTHANDS:
            if given.get(shorthand, ""):
                operand, result["RTarget"] = shorthand, given[shorthand]
        if "distinct_hosts" in given:
            operand, result["RTarget"] = "distinct_hosts", "true" if given["distinct_hosts"] else "false"
        if given.get("distinct_property", ""):
            operand, result["LTarget"] = "distinct_property", given["distinct_property"]
        if given.get("weight") is not None:
            result["Weight"] = given["weight"]
        result["Operand"] = operand if isinstance(operand, Symbolic) else operand or "="
        return result

    def _constraint_argument(self, attribute: Attribute, name: str) -> Value:
        known = ["attribute", "value", "operator", *_AFFINITY_SHORTHANDS]
        known += ["weight"] if name == "affinity" else ["distinct_hosts", "distinct_property", *_CONSTRAINT_IGNORED]
        if attribute.name not in known:
            raise self._unknown_name(attribute.at, "argument", attribute.name, name, known)
        if name == "constraint" and attribute.name in _CONSTRAINT_IGNORED:
            raise self._source.error(
                attribute.at,
                f"Nomad ignores {attribute.name} as an argument of constraint",
                f'write operator = "{attribute.name}"',
            )
        kinds = {"weight": "int8?", "distinct_hosts": "bool?"}
        value = self._argument(attribute, Argument(attribute.name, kinds.get(attribute.name, "string?")))
        if value is None and attribute.name == "distinct_hosts":
            raise self._source.error(attribute.value.at, "distinct_hosts cannot be null")
        return value if value is not None or attribute.name == "weight" else ""

    def _task_scaling(self, block: Block, label: str, result: Json) -> None:
        kinds = {"cpu": "vertical_cpu", "mem": "vertical_mem"}
        kind = kinds.get(label.lower())
        if kind is None:
            raise self._source.error(block.at, 'the scaling of a task is labelled "cpu" or "mem"')
        given = block.body.attributes.get("type")
        if given is not None and self.scope.value(given.value) not in (kind, ""):
            raise self._source.error(given.at, f'the type of this scaling is "{kind}"')
        result["Type"] = kind

    def _refuse_same_scaling(self, task: Block) -> None:
        seen: set[str] = set()
        for block in task.body.blocks:
            if block.type == "scaling" and block.labels:
                if block.labels[0].lower() in seen:
                    raise self._source.error(block.at, f"a task takes only one scaling {block.labels[0]!r}")
                seen.add(block.labels[0].lower())

    # -- errors --------------------------------------------------------------------------------------------------

    def _check_version(self, at: int, what: str, only: str) -> None:
        if only and only != self._nomad:
            raise self._source.error(
                at, f"{what} is for Nomad {only} only, and this is for {self._nomad}", "see nomad.version"
            )

    def _unknown(self, at: int, what: str, name: str, table: Table) -> Exception:
        if name == "dynamic":
            return self._source.error(at, "dynamic blocks are not supported", "write the blocks out")
        if what == "block" and name in table.arguments:
            return self._source.error(at, f"{name} is an argument of {table.name}, not a block", f"write {name} = …")
        return self._unknown_name(at, what, name, table.name, [*table.arguments, *table.blocks])

    def _unknown_name(self, at: int, what: str, name: str, of: str, known: list[str]) -> Exception:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return self._source.error(at, f"{of} has no {what} {name!r}{hint}")
