"""A compiled job gives, byte for byte, the canonical JSON of the converted one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import CompiledJob, Document, compile, convert, parse, strip_nulls
from tests.specs.hcl.cases import CASES

JOB = """\
variable "core" {
  type    = string
  default = "co1"
}
variable "free" {
  default = "b"
}
locals {
  name = "pryv-${var.core}"
}
job "a" {
  id   = local.name
  name = "${local.name} é${var.free}\\n\\"${var.core}"
  meta = { core = var.core, "x" = "${var.free}" }
  group "g" {
    constraint {
      attribute = "${meta.pryv_core}"
      value     = var.core
    }
    task "t" {
      driver = "docker"
      config {
        args  = concat(["--core", var.core], ["e${var.free}"])
        label = format("%s=%s", "core", var.free)
        image = null
        none  = [null, join("-", [var.core, "x", var.free])]
      }
      template {
        data = <<-EOT
          {{ key "${var.core}" }} $${x} ${attr.kernel.name} \\ ${var.free}${var.core}
        EOT
      }
    }
  }
}
"""

# What is special somewhere between HCL, JSON and consul-template, and characters that compose with those before them.
NASTY = st.text(
    st.sampled_from('"\\\n\r\t${}%[]<>&\x00\x7f\u2028e\u0301\u0300\u1161\u11a8가🦊é/') | st.characters(), max_size=12
)


def canonical(document: Document, values: Mapping[str, object], nomad: str = "1.6") -> str:
    job = strip_nulls(convert(document, {**values}, nomad))
    return json.dumps(job, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.fixture(scope="module")
def document() -> Document:
    return parse(JOB)


@pytest.fixture(scope="module")
def compiled(document: Document) -> CompiledJob:
    return compile(document, ["core", "free"])


@given(core=NASTY, free=NASTY)
@example(core="co1", free="${var.core} {{ x }} %{ if }")
@example(core="e", free="\u0301")
@example(core="\u1100", free="\u1161")
@example(core="", free="")
@example(core="\ud800", free='"')
def test_any_texts_come_out_as_from_the_conversion(
    document: Document, compiled: CompiledJob, core: str, free: str
) -> None:
    values = {"core": core, "free": free}
    assert compiled.json(values) == canonical(document, values)


@given(core=NASTY)
def test_a_variable_that_is_not_given_has_its_default(document: Document, compiled: CompiledJob, core: str) -> None:
    assert compiled.json({"core": core}) == canonical(document, {"core": core})


def test_texts_alone_make_a_job_fast(compiled: CompiledJob) -> None:
    assert compiled.is_fast


def test_a_value_is_not_read_as_hcl(compiled: CompiledJob) -> None:
    job = json.loads(compiled.json({"core": "${var.free}", "free": 'a"; }'}))
    assert job["ID"] == "pryv-${var.free}"
    assert job["Meta"] == {"core": "${var.free}", "x": 'a"; }'}


@pytest.mark.parametrize(
    "job",
    [
        'priority = var.x == "1" ? 50 : 60',
        "priority = var.x",
        "name = upper(var.x)",
        "meta = { (var.x) = 1 }",
        'datacenters = var.x == "a" ? ["a"] : ["b"]',
        "name = jsonencode([var.x])",
        'constraint {\n version = var.x\n attribute = "${attr.nomad.version}"\n}',
        'name = "${var.x}\u0301"',
    ],
)
def test_a_variable_that_decides_something_is_evaluated_each_time(job: str) -> None:
    document = parse(f'variable "x" {{\n default = "1"\n}}\njob "a" {{\n{job}\n}}\n')
    compiled = compile(document, ["x"])
    assert not compiled.is_fast
    for value in ("1", "25"):
        assert compiled.json({"x": value}) == canonical(document, {"x": value})


def test_a_variable_with_another_type_is_evaluated_each_time() -> None:
    document = parse('variable "x" {\n type = number\n default = 1\n}\njob "a" {\n name = "a${var.x}"\n}\n')
    compiled = compile(document, ["x"])
    assert not compiled.is_fast
    assert json.loads(compiled.json({"x": "007"}))["Name"] == "a7"


def test_values_of_other_variables_are_taken_too(document: Document) -> None:
    values = {"core": "co2", "free": "x"}
    assert compile(document, ["core"]).json(values) == canonical(document, values)


def test_a_job_without_open_texts_is_its_canonical_json(document: Document) -> None:
    assert compile(document, []).json({}) == canonical(document, {})


@pytest.mark.parametrize("path", sorted(CASES.glob("*.hcl")), ids=lambda path: path.name)
@pytest.mark.parametrize("nomad", ["1.6", "2.0"])
def test_each_case_compiles_to_what_it_converts_to(path: Path, nomad: str) -> None:
    text = path.read_text(encoding="utf-8")
    if nomad == "2.0":
        text = text.replace('max_client_disconnect = "1h"', "")
    document = parse(text)
    symbols = ["core"] if 'variable "core"' in text else []
    for core in ("co1", "a long name, é"):
        values = {"core": core} if symbols else {}
        assert compile(document, symbols, nomad).json(values) == canonical(document, values, nomad)


def test_a_symbol_must_be_declared(document: Document) -> None:
    with pytest.raises(HclError, match="no variable 'cor'"):
        compile(document, ["cor"])


def test_a_value_must_belong_to_a_declared_variable(compiled: CompiledJob) -> None:
    with pytest.raises(HclError, match="did you mean core"):
        compiled.json({"cor": "x"})


@pytest.mark.parametrize("expression", ["var.x", "upper(var.x)"])
def test_a_symbol_without_default_needs_a_value(expression: str) -> None:
    compiled = compile(parse(f'variable "x" {{}}\njob "a" {{\n name = {expression}\n}}\n'), ["x"])
    with pytest.raises(HclError, match="x has no value"):
        compiled.json({})
    assert '"Name":"' in compiled.json({"x": "y"})
