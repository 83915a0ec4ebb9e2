"""Whatever a text holds, it comes out of HCL and consul-template as it went in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pryv_nomad.specs import hcl
from pryv_nomad.specs.escape import Raw, consul_text, heredoc, interpolated, literal
from tests.specs.reading import written
from tests.specs.rendered import ODD

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.text('{}"$%\\\n-E OT\u0301é`', max_size=40)
NESTED = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
)


def through_hcl(expression: str) -> object:
    """What Nomad's docker configuration would hold."""
    text = (
        'job "a" {\n  group "a" {\n    task "a" {\n      driver = "docker"\n'
        f'      template {{\n        data = {expression}\n        destination = "local/a"\n      }}\n    }}\n  }}\n}}\n'
    )
    job = hcl.convert(hcl.parse(text))
    return job["TaskGroups"][0]["Tasks"][0]["Templates"][0]["EmbeddedTmpl"]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_reads_back_from_template_data(text: str) -> None:
    assert written(str(through_hcl(heredoc(consul_text(text))))) == text


@given(TEXTS)
@example("{")
@example("$")
@example("")
def test_any_text_reads_back_from_template_data(text: str) -> None:
    assert written(str(through_hcl(heredoc(consul_text(text))))) == text


@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_texts_do_not_run_into_the_actions_between_them(texts: list[str]) -> None:
    data = "{{ .Here }}".join(map(consul_text, texts))
    assert written(str(through_hcl(heredoc(data)))) == "{{ .Here }}".join(texts)


@given(st.text(st.characters(codec="ascii", exclude_characters="\x00"), max_size=60))
def test_quoted_text_reads_back(text: str) -> None:
    assert through_hcl(literal(text)) == text


def test_a_value_keeps_its_kind() -> None:
    assert literal(True) == "true"
    assert literal(3) == "3"
    assert literal(["a", 1]) == '["a", 1]'
    assert literal({"a": 1, "b c": "d"}) == '{ a = 1, "b c" = "d" }'
    assert literal(Raw("var.core")) == "var.core"


def test_what_has_no_form_in_hcl_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        literal(object())


def test_variables_stay_variables_and_the_rest_of_the_text_does_not() -> None:
    assert interpolated('a-\x01core\x02-${b}"') == '"a-${var.core}-$${b}\\""'
    assert interpolated("\x01core\x02") == "var.core"


def test_no_line_of_the_text_is_taken_for_the_end_of_the_heredoc() -> None:
    assert str(heredoc("EOT\n EOTT\n")).startswith("<<EOTTT\n")


def consul_template() -> str | None:
    """The program, built by `make tools` or on PATH."""
    built = Path(__file__).resolve().parents[2] / "tools" / "bin" / "consul-template"
    return str(built) if built.is_file() else shutil.which("consul-template")


@pytest.mark.skipif(consul_template() is None, reason="no consul-template; `make tools` builds it (needs Go)")
def test_the_real_consul_template_writes_each_odd_text(tmp_path: Path) -> None:
    program = consul_template()
    assert program is not None
    arguments = [program, "-once", "-log-level=err"]
    for number, text in enumerate(ODD):
        source = tmp_path / f"{number}.ctmpl"
        source.write_bytes(str(through_hcl(heredoc(consul_text(text)))).encode())
        arguments += ["-template", f"{source}:{tmp_path / str(number)}"]
    subprocess.run(arguments, check=True, timeout=60, capture_output=True)
    assert [(tmp_path / str(number)).read_bytes().decode() for number in range(len(ODD))] == list(ODD)
