"""How a command ends: its exit code, and what stderr says of an error. The only place that knows both."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from pryv_nomad.errors import ClusterFileError, PryvNomadError

PROGRAM = "pryv-nomad"
USAGE, INTERNAL, INTERRUPTED, BROKEN_PIPE = 2, 70, 130, 141


def outcome(command: click.Group, arguments: list[str], env: Mapping[str, str]) -> int:
    """Run `command` and return its exit code; every error is one of docs/exit-codes.md. Never raises."""
    if "_PRYV_NOMAD_COMPLETE" in env:
        from click.shell_completion import shell_complete

        return shell_complete(command, {}, PROGRAM, "_PRYV_NOMAD_COMPLETE", env["_PRYV_NOMAD_COMPLETE"])
    try:
        code = _invoke(command, arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _broken_pipe()
    except (KeyboardInterrupt, EOFError, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return USAGE
    except click.ClickException as error:
        return _usage(error, command)
    except PryvNomadError as error:
        if isinstance(error, ClusterFileError):
            _print_problems(error)
        else:
            _print("error", error.message)
        if error.remedy:
            click.echo(f"  {error.remedy}", err=True)
        return error.exit_code
    except Exception as error:
        return _unexpected(error, arguments)


def _invoke(command: click.Group, arguments: list[str]) -> int:
    try:
        with command.make_context(PROGRAM, arguments) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _broken_pipe() -> int:
    """Whoever read our output has gone; Python would complain at exit unless the pipe is replaced."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _usage(error: click.ClickException, command: click.Group) -> int:
    _print("error", error.format_message())
    context = getattr(error, "ctx", None)
    known = {name for option in command.params for name in option.opts}
    if isinstance(error, click.NoSuchOption) and context is not None and error.option_name in known:
        place = f"{PROGRAM} {error.option_name} … {context.info_name}"
        click.echo(f"  {error.option_name} goes before the verb: {place}", err=True)
    elif context is not None:
        click.echo(f"  {context.command_path} --help", err=True)
    return USAGE


def _print_problems(error: ClusterFileError) -> None:
    for problem in error.problems:
        _print("error", str(problem))


def _print(kind: str, text: str) -> None:
    click.echo(f"{click.style(f'{kind}:', fg='red', bold=True)} {text}", err=True, color=_colored())


def _colored() -> bool | None:
    """Whether stderr takes colors; None lets click see whether it is a terminal."""
    return False if os.environ.get("NO_COLOR") or "--no-color" in sys.argv else None


def _unexpected(error: Exception, arguments: list[str]) -> int:
    if "--debug" in arguments:
        import traceback

        traceback.print_exc()
    else:
        _print("error", f"unexpected {type(error).__name__}: {error}")
        click.echo(f"  this is a fault of {PROGRAM}; `{PROGRAM} --debug …` shows where", err=True)
    return INTERNAL
