"""What our parser accepts, HashiCorp's accepts: python-hcl2's grammar alone lets more through."""

from __future__ import annotations

import pytest

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import parse
from tests.specs.hcl.cases import every_row, hcl_cases
from tests.specs.hcl.fragments import EQUAL, Fragment
from tests.specs.hcl.linter import pygohcl_check


@pytest.mark.parametrize("text", [pytest.param(case[1], id=case[0]) for case in hcl_cases(rendered_too=False)])
def test_hashicorps_parser_accepts_each_case(text: str) -> None:
    parse(text)
    assert pygohcl_check(text) == ""


@pytest.mark.parametrize("fragment", EQUAL, ids=str)
def test_hashicorps_parser_accepts_each_fragment_that_we_accept(fragment: Fragment) -> None:
    parse(fragment.text)
    assert pygohcl_check(fragment.text) == ""


def test_hashicorps_parser_accepts_the_rows_of_nomad_2() -> None:
    text = every_row("2.0")
    parse(text)
    assert pygohcl_check(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        'job "a" { x = 1 y = 2 }\n',
        'job "a" { x = 1, y = 2 }\n',
        'job "a" { x = 1\n y = 2 }\n',
        'job "a" {\n x = 1 y = 2\n}\n',
        'job "a" {\n x = 1 }\n',
        'job "a" { b {} }\n',
        'job "a"\n{\n}\n',
        'job "a" {\n x = 1 +\n 2\n}\n',
        'job "a" {\n x = { a = 1 b = 2 }\n}\n',
        'job "a" {\n x = 1\n x = 2\n}\n',
        'job "a" {\n x = "a\nb"\n}\n',
    ],
)
def test_what_the_grammar_lets_through_is_refused_as_hashicorp_does(text: str) -> None:
    assert pygohcl_check(text) != ""
    with pytest.raises(HclError):
        parse(text)
