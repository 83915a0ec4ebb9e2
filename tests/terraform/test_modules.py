"""Every module and example, with Terraform and OpenTofu where they are: format, validity, and `terraform test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.tools import MODULES, PROGRAMS, TERRAFORM, Tool, missing, required


def names(path: Path) -> str:
    return str(path.relative_to(TERRAFORM))


@pytest.mark.parametrize("program", PROGRAMS)
def test_everything_is_formatted(tmp_path: Path, program: str) -> None:
    tool = Tool(program, tmp_path)
    folder = tool.prepare()
    assert tool.ok(folder, "fmt", "-check", "-recursive") == ""


@pytest.mark.parametrize("module", MODULES, ids=names)
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_valid_and_its_tests_pass(tmp_path: Path, program: str, module: Path) -> None:
    if lacking := missing(module):
        pytest.skip(
            f"{names(module)}: format-checked only, the provider {' and '.join(lacking)} is not on this machine"
        )
    tool = Tool(program, tmp_path)
    folder = tool.prepare(required(module)) / names(module)
    tool.ok(folder, "init", "-backend=false", "-no-color")
    tool.ok(folder, "validate", "-no-color")
    if (folder / "tests").is_dir():
        told = tool.ok(folder, "test", "-no-color")
        assert "0 failed" in told
        assert " 0 passed" not in told


@pytest.mark.parametrize("module", MODULES, ids=names)
def test_each_variable_and_output_says_what_it_is(module: Path) -> None:
    for file in module.glob("*.tf"):
        blocks = file.read_text().split("\n}\n")
        for block in blocks:
            if any(line.startswith(("variable ", "output ")) for line in block.splitlines()):
                assert "description" in block, f"{file}: {block}"


def test_a_module_is_never_without_tests() -> None:
    for module in (TERRAFORM / "modules").iterdir():
        assert list(module.glob("tests/*.tftest.hcl")), module
