"""The command line as a whole: help, options before the verb, exit codes, what stderr says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

import pryv_nomad
from pryv_nomad import errors
from pryv_nomad.cli import VERBS, Connection, Context, cli, invoke
from pryv_nomad.cli.outcome import outcome
from pryv_nomad.errors import ConnectionSettingError

ROOT = Path(__file__).parents[2]
HEAVY = {
    "pydantic",
    "yaml",
    "requests",
    "nomad",
    "consul",
    "jinja2",
    "hcl2",
    "lark",
    "cryptography",
    "httpx",
    "urllib3",
}


def python(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, as a user's shell starts it."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(("NOMAD_", "CONSUL_", "PRYV_"))}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, cwd=ROOT, env={**base, **env}
    )


def test_help_lists_the_verbs_of_this_build_and_imports_nothing_heavy() -> None:
    code = "import sys; from pryv_nomad.cli import invoke; invoke(['--help']); print(sorted(sys.modules))"
    done = python("-c", code)
    listing, _, modules = done.stdout.rpartition("[")
    for verb in ("init", "validate", "schema", "plan", "run", "completion"):
        assert f"  {verb} " in listing
    imported = {name.strip(" '\n]").partition(".")[0] for name in modules.split(",")}
    assert "click" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("verb", [name for name in VERBS if cli.get_command(click.Context(cli), name) is not None])
def test_every_verb_of_this_build_has_help(verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke([verb, "--help"]) == 0
    assert f"Usage: pryv-nomad {verb}" in capfd.readouterr().out


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capfd.readouterr().out == f"pryv-nomad {pryv_nomad.__version__}\n"


def test_python_m_is_the_same_command() -> None:
    done = python("-m", "pryv_nomad", "--version")
    assert (done.returncode, done.stdout) == (0, f"pryv-nomad {pryv_nomad.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["validat"], "did you mean validate?"),
        (["nonsense"], "there is no verb 'nonsense'"),
        (["--nonsense", "plan"], "No such option"),
        (["validate", "-c", "x.yml"], "-c goes before the verb: pryv-nomad -c … validate"),
        (["validate", "--set", "a=b"], "--set goes before the verb"),
        (["--token", "secret", "plan"], "No such option"),
        (["completion", "csh"], "'csh' is not one of"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(arguments) == 2
    told = capfd.readouterr()
    assert says in told.err
    assert told.out == ""


def test_no_verb_shows_the_help() -> None:
    done = python("-m", "pryv_nomad")
    assert done.returncode == 2
    assert "Usage: pryv-nomad" in done.stderr


def _group(action: object) -> click.Group:
    @click.group(params=[click.Option(["--debug"], is_flag=True, expose_value=False)])
    def group() -> None:
        """For the test."""

    @group.command()
    def act() -> object:
        if isinstance(action, BaseException):
            raise action
        return action

    return group


def _error_classes(root: type[errors.PryvNomadError]) -> list[type[errors.PryvNomadError]]:
    own = [sub for sub in root.__subclasses__() if sub.__module__ == errors.__name__]
    return [root, *(each for sub in own for each in _error_classes(sub))]


@pytest.mark.parametrize("kind", _error_classes(errors.PryvNomadError), ids=lambda kind: kind.__name__)
def test_every_error_ends_with_its_code_and_says_what_to_do(
    kind: type[errors.PryvNomadError], capfd: pytest.CaptureFixture[str]
) -> None:
    assert outcome(_group(kind("it broke", "mend it")), ["act"], {}) == kind.exit_code
    assert capfd.readouterr().err == "error: it broke\n  mend it\n"
    page = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
    assert kind is errors.PryvNomadError or f"| {kind.exit_code} |" in page
    assert kind is errors.PryvNomadError or f"`{kind.__name__}`" in page


def test_thousands_of_problems_do_not_flood_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    problems = [errors.Problem(f"cores[{index}].ip", "not an IP address") for index in range(10_000)]
    assert outcome(_group(errors.ClusterFileError(problems)), ["act"], {}) == 3
    lines = capfd.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (51, "  and 9,950 more")


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1), (10, 10), (True, 0), ("text", 0)])
def test_a_verb_returns_its_exit_code(result: object, code: int) -> None:
    assert outcome(_group(result), ["act"], {}) == code


def test_an_interrupt_ends_with_130(capfd: pytest.CaptureFixture[str]) -> None:
    for interrupt in (KeyboardInterrupt(), EOFError(), click.Abort()):
        assert outcome(_group(interrupt), ["act"], {}) == 130
    assert "Traceback" not in capfd.readouterr().err


def test_a_fault_of_ours_is_one_line_and_a_traceback_only_when_asked(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(_group(ZeroDivisionError("oops")), ["act"], {}) == 70
    told = capfd.readouterr().err
    assert told.startswith("error: unexpected ZeroDivisionError: oops\n")
    assert "--debug" in told
    assert "Traceback" not in told
    assert outcome(_group(ZeroDivisionError("oops")), ["--debug", "act"], {}) == 70
    assert "Traceback" in capfd.readouterr().err


def test_a_reader_that_goes_away_is_no_error_message() -> None:
    command = f"{sys.executable} -m pryv_nomad schema | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stderr == ""
    assert done.stdout.startswith("{")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {}])
def test_color_is_only_for_terminals_that_want_it(env: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    outcome(_group(errors.Refused("no")), ["act"], env)
    assert "\x1b" not in capfd.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["completion", shell]) == 0
    assert "_PRYV_NOMAD_COMPLETE" in capfd.readouterr().out


def test_the_completion_script_gets_verbs_as_answers() -> None:
    done = python("-m", "pryv_nomad", _PRYV_NOMAD_COMPLETE="bash_complete", COMP_WORDS="pryv-nomad va", COMP_CWORD="1")
    assert (done.returncode, done.stdout) == (0, "plain,validate\n")


def _options(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> Context:
    """The context that a verb gets after `arguments`."""
    seen = SimpleNamespace(context=None)

    @click.command()
    @click.pass_obj
    def probe(context: Context) -> None:
        seen.context = context

    monkeypatch.setattr(type(cli), "get_command", lambda *_: probe)
    monkeypatch.setattr(type(cli), "list_commands", lambda *_: ["probe"])
    assert invoke([*arguments, "probe"]) == 0
    assert isinstance(seen.context, Context)
    return seen.context


def test_options_reach_the_verb_with_one_dash_or_two(monkeypatch: pytest.MonkeyPatch) -> None:
    two = ["--address", "https://n:4646", "--region", "eu", "--ca-cert", "ca.pem", "--tls-skip-verify"]
    context = _options(["-c", "a.yml", "-c", "b.yml", "--set", "a=1", *two], monkeypatch)
    assert context.files == (Path("a.yml"), Path("b.yml"))
    assert context.sets == ("a=1",)
    assert context.connection == Connection(
        address="https://n:4646", region="eu", ca_cert="ca.pem", tls_skip_verify=True
    )
    one = ["-address=https://n:4646", "-region", "eu", "-ca-cert", "ca.pem", "-tls-skip-verify"]
    assert _options(one, monkeypatch).connection == context.connection


SMALLEST = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example"}}
cores: [{name: co1, hosting: ch}]
"""


@pytest.mark.parametrize(
    ("option", "written", "variable", "namespace"),
    [
        (None, None, None, "default"),
        (None, None, "outside", "outside"),
        (None, "inside", "outside", "inside"),
        ("given", "inside", "outside", "given"),
    ],
)
def test_the_namespace_is_the_options_then_the_files_then_the_environments(
    tmp_path: Path, option: str | None, written: str | None, variable: str | None, namespace: str
) -> None:
    file = tmp_path / "cluster.yml"
    more = f"name: Pryv Lab, namespace: {written}" if written else "name: Pryv Lab"
    file.write_text(SMALLEST.replace("name: Pryv Lab", more))
    env = {"NOMAD_NAMESPACE": variable} if variable else {}
    context = Context((file,), connection=Connection(namespace=option), env=env)
    assert context.cluster().file.platform.namespace == namespace
    assert context.cluster() is context.cluster()
    assert context.nomad() is context.nomad()


def test_a_token_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "cluster.yml").write_text(SMALLEST)
    empty = tmp_path / "empty"
    empty.touch()
    for file, says in ((tmp_path / "nowhere", "cannot read"), (empty, "is empty")):
        context = Context((tmp_path / "cluster.yml",), connection=Connection(token_file=str(file)))
        with pytest.raises(ConnectionSettingError, match=says):
            context.nomad()
