"""The command line: global options, then a verb.

Verbs are a table of names and help lines, so that `pryv-nomad --help` imports none of them. Each stands in a file of
its own and is imported when it is used. A verb takes the `Context`, makes one call, prints, and may return an exit
code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from pryv_nomad import __version__
from pryv_nomad.cli.context import Connection, Context

__all__ = ["Connection", "Context", "cli", "invoke"]


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Verb(NamedTuple):
    """Where a verb is, and its line in the list."""

    module: str
    attribute: str
    help: str


VERBS = {
    "init": Verb("init", "init", "Write a commented cluster file to begin with."),
    "import": Verb("import_folder", "import_folder", "Make a cluster file of a config-leader folder."),
    "validate": Verb("validate", "validate", "Check the cluster file and the job specs."),
    "schema": Verb("schema", "schema", "Print the JSON Schema of the cluster file."),
    "render": Verb("render", "render", "Write the Nomad job specs."),
    "secrets": Verb("secrets", "secrets", "Make, list and rotate keys; store certificates."),
    "certificate": Verb("certificate", "certificate", "Renew the wildcard certificate over ACME."),
    "policy": Verb("policy", "policy", "Print least-privilege ACL policies for Nomad and Consul."),
    "plan": Verb("plan", "plan", "Show what would change."),
    "run": Verb("run", "run", "Make the platform what the cluster file says."),
    "status": Verb("status", "status", "Show what runs and how it is."),
    "stop": Verb("stop", "stop", "Stop jobs; nothing is purged."),
    "core": Verb("core", "core", "Add, remove and list cores."),
    "scale": Verb("scale", "scale", "Change the number of processes or instances."),
    "rollout": Verb("rollout", "rollout", "Follow, resume, pause and undo rollouts."),
    "registry": Verb("registry", "registry", "Look at and repair the registry's list of cores."),
    "bridge": Verb("bridge", "bridge", "Keep the cores registered in Consul."),
    "simulate": Verb("simulate", "simulate", "Play a change through without a cluster."),
    "export": Verb("export", "export", "Write the platform for another orchestrator."),
    "terraform": Verb("terraform", "terraform", "Write the platform for Terraform."),
    "dev": Verb("dev", "dev", "A local Nomad and Consul to try things on."),
    "completion": Verb("completion", "completion", "Print the completion script of a shell."),
}
"""In the order of the list. A verb whose file this build lacks is not listed."""


class VerbGroup(click.Group):
    """Imports a verb when it is used, and not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs of this build."""
        folder = Path(__file__).parent
        return [name for name, verb in VERBS.items() if _exists(folder, verb.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        verb = VERBS.get(cmd_name)
        if verb is None or cmd_name not in self.list_commands(ctx):
            return None
        command = getattr(import_module(f"{__name__}.{verb.module}"), verb.attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table names commands only
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, out of the table."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name].help) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest verb where there is none."""
        name = args[0]
        if name not in self.list_commands(ctx):
            import difflib

            near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
            ctx.fail(f"there is no verb {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)


def _exists(folder: Path, module: str) -> bool:
    return (folder / f"{module}.py").is_file() or (folder / module / "__init__.py").is_file()


def _connection_option(name: str, text: str, **rest: Any) -> Callable[[Decorated], Decorated]:
    """One of Nomad's options; with one dash as Nomad writes it, or two."""
    return click.option(f"-{name}", f"--{name}", help=text, **rest)


@click.group(
    cls=VerbGroup,
    subcommand_metavar="VERB …",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-c",
    "--cluster",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Cluster file; again to lay another over it.  [default: PRYV_NOMAD_CLUSTER, else cluster.yml]",
)
@click.option("--set", "sets", metavar="PATH=VALUE", multiple=True, help="Set one value, such as update.canary=0.")
@click.option(
    "--templates", type=click.Path(path_type=Path), help="Folder of job templates in place of the shipped ones."
)
@_connection_option("address", "Nomad's address.  [NOMAD_ADDR]", metavar="URL")
@_connection_option("namespace", "Nomad namespace, in place of the cluster file's.  [NOMAD_NAMESPACE]", metavar="NAME")
@_connection_option("region", "Nomad region, in place of the cluster file's.  [NOMAD_REGION]", metavar="NAME")
@_connection_option("ca-cert", "Certificate authority of Nomad (PEM).  [NOMAD_CACERT]", metavar="FILE")
@_connection_option("ca-path", "Folder of certificate authorities.  [NOMAD_CAPATH]", metavar="DIR")
@_connection_option("client-cert", "Client certificate (PEM).  [NOMAD_CLIENT_CERT]", metavar="FILE")
@_connection_option("client-key", "Key of the client certificate.  [NOMAD_CLIENT_KEY]", metavar="FILE")
@_connection_option("tls-server-name", "Name expected in Nomad's certificate.  [NOMAD_TLS_SERVER_NAME]", metavar="NAME")
@_connection_option("tls-skip-verify", "Do not verify Nomad's certificate.  [NOMAD_SKIP_VERIFY]", is_flag=True)
@_connection_option("token-file", "File with the Nomad token.  [NOMAD_TOKEN: the token itself]", metavar="FILE")
@_connection_option("consul-address", "Consul's address.  [CONSUL_HTTP_ADDR]", metavar="URL")
@click.option("--no-color", is_flag=True, help="Plain text.  [NO_COLOR]")
@click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(__version__, "--version", prog_name="pryv-nomad", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    sets: tuple[str, ...],
    templates: Path | None,
    no_color: bool,
    quiet: bool,
    debug: bool,
    **connection: Any,
) -> None:
    """Run Pryv.io platforms on HashiCorp Nomad and Consul.

    Options stand before the verb. `pryv-nomad VERB --help` tells more of each.
    """
    env = os.environ
    plain = no_color or bool(env.get("NO_COLOR"))
    ctx.color = False if plain else None
    ctx.obj = Context(files, sets, templates, Connection(**connection), env, color=not plain, quiet=quiet, debug=debug)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code (docs/exit-codes.md)."""
    from pryv_nomad.cli.outcome import outcome

    return outcome(cli, list(arguments), os.environ)
