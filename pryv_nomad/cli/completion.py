"""`pryv-nomad completion`: the completion script of a shell."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    For bash: pryv-nomad completion bash > ~/.local/share/bash-completion/completions/pryv-nomad
    """
    from click.shell_completion import get_completion_class

    from pryv_nomad.cli import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"this click has no completion for {shell}")
    click.echo(found(cli, {}, "pryv-nomad", "_PRYV_NOMAD_COMPLETE").source())
