"""Edits of the cluster file by a verb: checked as a whole before a byte is written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.errors import ClusterFileError


@dataclass(frozen=True)
class CoreFile:
    """The cluster file, of several that lie over one another, that says which cores there are."""

    context: Context
    path: Path

    @classmethod
    def of(cls, context: Context) -> CoreFile:
        """The last of the files with `cores` in it. Raises ClusterFileError."""
        from pryv_nomad.model.core_edit import has_cores

        context.cluster()
        files = context.cluster_files()
        return cls(context, next(file for file in reversed(files) if has_cores(file.read_text(encoding="utf-8"))))

    def edited(self, change: Callable[[str], str]) -> str:
        """The file's text after `change`. Raises ClusterFileError when it would not be a sound platform any more."""
        text = change(self.path.read_text(encoding="utf-8"))
        self._check(text)
        return text

    def put(self, text: str, only_print: bool) -> None:
        """Write the text whole, or print it."""
        from pryv_nomad.files import write_whole

        if only_print:
            click.echo(text, nl=False)
        else:
            write_whole(self.path, text, self.path.stat().st_mode & 0o777)

    def edit(self, change: Callable[[str], str], only_print: bool) -> None:
        """Both."""
        self.put(self.edited(change), only_print)

    def _check(self, text: str) -> None:
        """Load the files with this text in place of ours, from the same folder, since a file may name others."""
        from pryv_nomad.model.checks import check
        from pryv_nomad.model.load import load_cluster

        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=".cluster-", suffix=".yml") as trial:
            trial.write(text)
            trial.flush()
            files = [Path(trial.name) if file == self.path else file for file in self.context.cluster_files()]
            try:
                check(load_cluster(files, self.context.sets, self.context.env))
            except ClusterFileError as error:
                problems = [
                    replace(each, where=each.where.replace(trial.name, str(self.path))) for each in error.problems
                ]
                raise ClusterFileError(problems, "the file is as it was") from None
