"""Conversion: the places that errors name, input variables, the two Nomad versions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import convert, parse
from pryv_nomad.specs.hcl.schema import JOB
from tests.specs.hcl.cases import every_row
from tests.specs.hcl.fragments import EQUAL, REFUSED, STRICTER, Fragment


def job(text: str, variables: dict[str, object] | None = None, nomad: str = "1.6") -> dict[str, object]:
    return convert(parse(text, "x.hcl"), variables, nomad)


@pytest.mark.parametrize("fragment", [*REFUSED, *STRICTER], ids=str)
def test_a_refusal_names_its_place(fragment: Fragment) -> None:
    with pytest.raises(HclError, match=r"^x\.hcl:\d+:\d+: \S") as caught:
        job(fragment.text)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('job "a" {\n  grup "g" {\n  }\n}\n', "x.hcl:2:3: job has no block 'grup'; did you mean group?"),
        (
            'job "a" {\n  group "g" {\n    cont = 1\n  }\n}\n',
            "x.hcl:3:5: group has no argument 'cont'; did you mean count?",
        ),
        ('job "a" {\n  name = upper("x"\n}\n', "x.hcl:3:1: unexpected '}'"),
        ('job "a" { type = "x" name = "y" }\n', "x.hcl:1:22: a block on one line holds one argument at most"),
        ('job "a" {\n  name = "é ${ upper("x") } ${foo(1)}"\n}\n', "x.hcl:2:31: no function foo here"),
        (
            'job "a" {\n  name = <<EOT\na\nb ${ 1 + x }\nEOT\n}\n',
            "x.hcl:4:6: a number is needed, not the string '${x}'",
        ),
        ('job "a" {\n  name = <<EOT\na\n%{ if x }\nEOT\n}\n', "x.hcl:4:1: template directives"),
        ('job "a" {\n  name = file("x")\n}\n', "x.hcl:2:10: no function file here"),
        ('job "a" {\n  priority = "high"\n}\n', "x.hcl:2:14: priority: a number is needed, not the string 'high'"),
        ('job "a" {\n  name = var.nam\n}\nvariable "name" {\n default = 1\n}\n', "did you mean var.name?"),
        ('job "a" {\n  update { stagger = "10" }\n}\n', "x.hcl:2:22: stagger: '10' is not a duration"),
        ('job "a" {\n  name = 1 / 0\n}\n', "x.hcl:2:10: division by zero"),
        ("", "x.hcl:1:1: a job file holds exactly one job block, and this one none"),
        ('job "a" {', "x.hcl:1:10: the text ends too early"),
        ('job "a" {\n  name = "open\n  region = "x"\n}\n', "x.hcl:2:15: a quoted string cannot span lines"),
        ('job "a" {\n  # "\n  name = <<E\n"\nE\n  id = "${upper("x)}"\n}\n', "x.hcl:7:2: a quoted string cannot span"),
    ],
)
def test_an_error_says_where_and_what(text: str, message: str) -> None:
    with pytest.raises(HclError) as caught:
        job(text)
    assert message in caught.value.message


# -- variables ---------------------------------------------------------------------------------------------------


def test_a_variable_has_the_value_that_is_given() -> None:
    text = 'variable "a" {\n type = %s\n}\njob "j" {\n meta = { x = "${jsonencode(var.a)}" }\n}\n'
    for kind, value, expected in (
        ("string", 5, '"5"'),
        ("number", "5", "5"),
        ("number", 2.5, "2.5"),
        ("bool", "true", "true"),
        ("list(string)", ["a", 1], '["a","1"]'),
        ("map(number)", {"b": "1"}, '{"b":1}'),
    ):
        assert job(text % kind, {"a": value})["Meta"] == {"x": expected}


def test_a_value_that_does_not_fit_is_refused_at_the_declaration() -> None:
    text = 'variable "a" {\n type = number\n}\njob "j" {\n}\n'
    with pytest.raises(HclError, match=r"^x\.hcl:1:1: the value of the variable a: a number is needed"):
        job(text, {"a": "ten"})


@pytest.mark.parametrize(("default", "value"), [('["a", "b"]', ["a"]), ("{ a = 1 }", {"b": 1}), ("{ a = 1 }", ["a"])])
def test_a_value_has_the_shape_of_an_untyped_default(default: str, value: object) -> None:
    with pytest.raises(HclError, match="the shape of the default"):
        job(f'variable "a" {{\n default = {default}\n}}\njob "j" {{\n}}\n', {"a": value})


def test_a_variable_without_value_is_an_error_even_if_unused() -> None:
    with pytest.raises(HclError, match=r"^x\.hcl:1:1: the variable a has no value"):
        job('variable "a" {\n type = string\n}\njob "j" {\n}\n')


def test_a_given_value_is_not_interpolated() -> None:
    text = 'variable "a" {\n type = string\n}\njob "j" {\n name = "${var.a}!"\n}\n'
    assert job(text, {"a": "${attr.x} $${y} {{ z }}"})["Name"] == "${attr.x} $${y} {{ z }}!"


# -- Nomad's versions --------------------------------------------------------------------------------------------


def test_every_row_of_both_versions_converts() -> None:
    for nomad in ("1.6", "2.0"):
        converted = job(every_row(nomad), nomad=nomad)
        assert len(converted["TaskGroups"]) == 2  # type: ignore[arg-type]  # a lone task's and a group


def test_what_only_the_other_version_knows_is_refused_with_that_said() -> None:
    newer = 'job "a" {\n group "g" {\n disconnect {\n lost_after = "1h"\n }\n }\n}\n'
    older = 'job "a" {\n group "g" {\n max_client_disconnect = "1h"\n }\n}\n'
    with pytest.raises(HclError, match=r"^x\.hcl:3:2: the block disconnect of group is for Nomad 2\.0 only"):
        job(newer)
    with pytest.raises(HclError, match=r"the argument max_client_disconnect of group is for Nomad 1\.6 only"):
        job(older, nomad="2.0")
    groups = job(newer, nomad="2.0")["TaskGroups"]
    assert groups == [{"Name": "g", "Disconnect": {"LostAfter": 3600 * 10**9}}]


def test_the_default_identity_of_2_0_stands_where_1_6_has_it() -> None:
    text = (
        'job "a" {\n group "g" {\n task "t" {\n identity {\n name = "x"\n }\n identity {\n env = true\n }\n }\n }\n}\n'
    )
    task = job(text, nomad="2.0")["TaskGroups"][0]["Tasks"][0]  # type: ignore[index]
    assert task["Identity"]["Env"] is True
    assert [identity["Name"] for identity in task["Identities"]] == ["x"]


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(HclError, match=r"Nomad 1\.4 is not known here"):
        job('job "a" {\n}\n', nomad="1.4")


def test_a_version_in_the_tables_is_one_of_the_two() -> None:
    pending, seen = [JOB], set()
    while pending:
        table = pending.pop()
        seen.add(id(table))
        for row in [*table.arguments.values(), *table.blocks.values()]:
            assert row.only in ("", "1.6", "2.0")
        inner = (nested.table for nested in table.blocks.values() if nested.table is not None)
        pending += [each for each in inner if id(each) not in seen]


# -- HCL's finer points ------------------------------------------------------------------------------------------


def test_nomads_doubled_brace_is_kept() -> None:
    assert job('job "a" {\n name = "{${attr.x}}"\n}\n')["Name"] == "{${attr.x}}}"


def test_an_escape_without_a_closing_brace_stays_within_its_string() -> None:
    text = 'job "a" {\n name = "$${ %%{ $$${"\n region = "}"\n}\n'
    assert job(text) | {"Dispatched": False} == {"ID": "a", "Name": "${ %{ $${", "Region": "}", "Dispatched": False}


def test_carriage_returns_at_line_ends_change_nothing_but_heredocs() -> None:
    text = 'job "a" {\r\n  name = <<EOT\r\nx\r\nEOT\r\n  region = "y" # z\r\n}\r\n'
    assert job(text) == {"ID": "a", "Name": "x\r\n", "Region": "y", "Dispatched": False}


# -- odd input ---------------------------------------------------------------------------------------------------

PIECES = [
    '"',
    "\n",
    " ",
    "{",
    "}",
    "${",
    "$${",
    "%{",
    "=",
    ",",
    "(",
    ")",
    "[",
    "]",
    ".",
    "\\",
    "<<E\n",
    "E\n",
    "#",
    "/*",
]
PIECES += ["//", "null", "-", "?", ":", "\r", "é", "~", "*", "<<-E\n", "1.5", "for", "if", "\ud800", "\x00", "var.x"]


@given(st.sampled_from(EQUAL), st.data())
@settings(max_examples=300)
def test_whatever_the_text_there_is_a_job_or_an_error_of_ours(fragment: Fragment, data: st.DataObject) -> None:
    text = fragment.text
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(["", *PIECES])) + text[at + data.draw(st.integers(0, 2)) :]
    assert outcome(text).startswith(("a job", "x.hcl:"))


def outcome(text: str) -> str:
    try:
        return f"a job {job(text)['ID']}"
    except HclError as error:
        return error.message


@pytest.mark.parametrize(
    "value", ["(" * 2000 + "1" + ")" * 2000, "+".join(["1"] * 2000), '"${' * 500 + "1" + '}"' * 500]
)
def test_deep_nesting_is_an_error_and_no_crash(value: str) -> None:
    with pytest.raises(HclError, match="nested too deeply"):
        job(f'job "a" {{\n name = {value}\n}}\n')
