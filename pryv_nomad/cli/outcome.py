"""How a command ends: its exit code, and what stderr says of an error. The only place that knows both."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from pryv_nomad.errors import ClusterFileError, PryvNomadError

PROGRAM = "pryv-nomad"
COMPLETE_VARIABLE = "_PRYV_NOMAD_COMPLETE"
MOST_PROBLEMS = 50
"""Problems printed; a file with 10,000 cores can have as many."""
USAGE, INTERNAL, INTERRUPTED, BROKEN_PIPE = 2, 70, 130, 141


def outcome(command: click.Group, arguments: list[str], env: Mapping[str, str]) -> int:
    """Run `command` and return its exit code; every error is one of docs/exit-codes.md. Raises nothing."""
    if COMPLETE_VARIABLE in env:
        from click.shell_completion import shell_complete

        return shell_complete(command, {}, PROGRAM, COMPLETE_VARIABLE, env[COMPLETE_VARIABLE])
    told = _Stderr(plain=bool(env.get("NO_COLOR")) or "--no-color" in arguments)
    try:
        code = _invoke(command, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _broken_pipe()
    except (KeyboardInterrupt, EOFError, click.Abort):
        told.line("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        return _usage(error, command, told)
    except PryvNomadError as error:
        return _refusal(error, told)
    except Exception as error:
        return _fault(error, "--debug" in arguments, told)
    return code


@dataclass(frozen=True, slots=True)
class _Stderr:
    plain: bool

    def line(self, text: str) -> None:
        click.echo(text, err=True)

    def error(self, text: str) -> None:
        kind = click.style("error:", fg="red", bold=True)
        click.echo(f"{kind} {text}", err=True, color=False if self.plain else None)


def _invoke(command: click.Group, arguments: list[str]) -> int:
    """The verb's own exit code, 0 where it returns none."""
    try:
        with command.make_context(PROGRAM, list(arguments)) as context:  # click eats the list
            result = command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _broken_pipe() -> int:
    """Whoever read our output has gone; Python would complain at exit unless the pipe is replaced."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _usage(error: click.ClickException, command: click.Group, told: _Stderr) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        told.line(error.format_message())
        return USAGE
    told.error(error.format_message())
    context = getattr(error, "ctx", None)
    known = {name for option in command.params for name in option.opts}
    if isinstance(error, click.NoSuchOption) and context is not None and error.option_name in known:
        told.line(f"  {error.option_name} goes before the verb: {PROGRAM} {error.option_name} … {context.info_name}")
    elif context is not None:
        told.line(f"  {context.command_path} --help")
    return USAGE


def _refusal(error: PryvNomadError, told: _Stderr) -> int:
    texts = [str(problem) for problem in error.problems] if isinstance(error, ClusterFileError) else [error.message]
    for text in texts[:MOST_PROBLEMS]:
        told.error(text)
    if len(texts) > MOST_PROBLEMS:
        told.line(f"  and {len(texts) - MOST_PROBLEMS:,} more")
    if error.remedy:
        told.line(f"  {error.remedy}")
    return error.exit_code


def _fault(error: Exception, debug: bool, told: _Stderr) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    else:
        told.error(f"unexpected {type(error).__name__}: {error}")
        told.line(f"  this is a fault of {PROGRAM}; `{PROGRAM} --debug …` shows where")
    return INTERNAL
