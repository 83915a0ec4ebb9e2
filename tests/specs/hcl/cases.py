"""Job files that the tests of the HCL conversion hold against HashiCorp's own parser and against a real Nomad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pryv_nomad.specs.hcl.schema import JOB, Argument, Nested, Table
from tests.specs import rendered

CASES = Path(__file__).resolve().parents[2] / "cases" / "hcl"

Case = tuple[str, str, Mapping[str, object]]

_SAMPLES = {
    "string": '"text-${attr.unique.hostname}"',
    "int": '"12"',
    "bool": "true",
    "duration": '"1m30s"',
    "strings": '["a", 1, "${NOMAD_PORT_api}"]',
    "int8": "-50",
    "uint8": "200",
    "uint64": "3",
    "uint16": "15001",
    "uint16s": "[80, 443]",
}


def hcl_cases(rendered_too: bool = True) -> list[Case]:
    """(name, text, variables) of each job file for Nomad 1.6: ours by hand, one made of the tables, the templates'."""
    cases: list[Case] = [(path.name, path.read_text(encoding="utf-8"), {}) for path in sorted(CASES.glob("*.hcl"))]
    cases.append(("every-row", every_row(), {}))
    core = (CASES / "core.nomad.hcl").read_text(encoding="utf-8")
    given = {"core": 'é "x"\n🦊', "instances": "4", "labels": {"a": 1, "b": "true"}, "tags": ["c", 1]}
    cases.append(("core-with-variables", core, given))
    if rendered_too:
        cases += [(name, text, {}) for name, text, version in rendered.texts() if version == "1.6"]
    return cases


def every_row(nomad: str = "1.6") -> str:
    """A job that holds every block and argument of the tables, and twice the innermost blocks that may be repeated."""
    return "\n".join(['job "every" {', *_body(JOB, nomad), "}"]) + "\n"


def _body(table: Table, nomad: str) -> Iterator[str]:
    for name, argument in table.arguments.items():
        if argument.only in ("", nomad) and not (table.special == "task_scaling" and name == "type"):
            yield f"{name} = {_sample(table, name, argument)}"
    if table.special == "constraint":
        yield from ('attribute = "${attr.kernel.name}"', "value = 3", 'operator = "!="')
    if table.special == "affinity":
        yield from ('attribute = "a"', 'version = ">= 1"', "weight = -20")
    for name, nested in table.blocks.items():
        if nested.only in ("", nomad) and name != "reserved_ports":
            yield from _blocks(name, nested, nomad)


def _sample(table: Table, name: str, argument: Argument) -> str:
    if table.name == "scaling" and name == "type":
        return '"horizontal"'
    return _SAMPLES.get(argument.type.rstrip("?"), "{}")


def _blocks(name: str, nested: Nested, nomad: str) -> Iterator[str]:
    if nested.shape == "text_map":
        yield from (f"{name} {{", "a-b = 1.50", "B = true", 'c = "${env["x"]}"', "}")
    elif nested.shape == "texts_map":
        yield from (f"{name} {{", 'a = ["x", 1]', "}")
    elif nested.shape == "any_map":
        yield from (f"{name} {{", "o = { a = 1 }", 'm "l" {', "x = [null, 1.5, { y = {} }]", "}", "m {", "}", "}")
    elif nested.table is not None:
        leaf = not nested.table.blocks
        repeated = leaf and nested.shape in ("many", "by_label") and nested.once_in != nomad
        for index in range(2 if repeated else 1):
            label = (
                f' "{("cpu", "mem")[index] if name == "scaling" else f"{name}{index}"}"' if nested.table.label else ""
            )
            yield from (f"{name}{label} {{", *_body(nested.table, nomad), "}")
