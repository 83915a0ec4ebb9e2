"""A run while it goes on: a live view on a terminal, a line an event elsewhere, or JSON lines."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TextIO

import click

from pryv_nomad.cli.output.text import cut, plain
from pryv_nomad.rollout.events import Event

COLORS = {
    "healthy": "green",
    "stopped": "green",
    "member": "green",
    "promoted": "magenta",
    "started": "cyan",
    "wave": "cyan",
    "gate": "cyan",
    "hook": "cyan",
    "paused": "yellow",
    "failing": "yellow",
    "halted": "red",
    "failed": "red",
    "explained": "red",
    "warning": "yellow",
    "interrupted": "yellow",
}
LIVE_LINES = 12
Clock = Callable[[], str]


@dataclass
class Lines:
    """A line an event, with the time."""

    clock: Clock
    out: TextIO = field(default_factory=lambda: sys.stdout)
    color: bool | None = None

    def __call__(self, event: Event) -> None:
        """Print an event. What is awaited is told by the events themselves."""
        if event.kind != "waiting":
            for line in formatted(event, self.clock()):
                click.echo(line, file=self.out, color=self.color)

    def close(self) -> None:
        """Nothing is left to print."""


@dataclass
class JsonLines:
    """One JSON object an event: kind, job, text, detail, time."""

    clock: Clock
    out: TextIO = field(default_factory=lambda: sys.stdout)

    def __call__(self, event: Event) -> None:
        """Print an event."""
        self.out.write(json.dumps({"time": self.clock(), **asdict(event)}, ensure_ascii=False) + "\n")
        self.out.flush()

    def close(self) -> None:
        """Nothing is left to print."""


@dataclass
class Live:
    """What is done scrolls by; below it stand the jobs that move, redrawn in place."""

    clock: Clock
    out: TextIO = field(default_factory=lambda: sys.stdout)
    color: bool | None = None
    columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns
    _moving: dict[str, str] = field(default_factory=dict)
    _sentence: str = ""
    _drawn: int = 0

    def __call__(self, event: Event) -> None:
        """Take an event in and draw anew."""
        self._erase()
        if event.kind == "waiting":
            self._sentence = event.text.partition("; waiting")[0]
        elif event.kind == "progress":
            self._moving[event.job] = event.text
        else:
            if event.kind in ("registered", "stopping"):
                self._moving[event.job] = event.text
            elif event.kind in ("healthy", "failed", "stopped", "adopted", "finished"):
                self._moving.pop(event.job, None)
            for line in formatted(event, self.clock()):
                click.echo(line, file=self.out, color=self.color)
        self._draw()

    def close(self) -> None:
        """Leave the terminal as a run ends: without the moving part."""
        self._erase()
        self.out.flush()

    def _draw(self) -> None:
        shown = [f"  {plain(job)}: {plain(text)}" for job, text in list(self._moving.items())[:LIVE_LINES]]
        if len(self._moving) > LIVE_LINES:
            shown.append(f"  … and {len(self._moving) - LIVE_LINES} more")
        shown.append(f"  {self._sentence}")
        for line in shown:
            click.echo(click.style(cut(line, self.columns() - 1), dim=True), file=self.out, color=self.color)
        self._drawn = len(shown)
        self.out.flush()

    def _erase(self) -> None:
        if self._drawn:
            self.out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0


def formatted(event: Event, time: str) -> list[str]:
    """The lines of an event."""
    job = click.style(plain(event.job), bold=True) + ": " if event.job else ""
    text = click.style(plain(event.text), fg=COLORS.get(event.kind))
    return [f"{time} {job}{text}", *(f"         {plain(line)}" for line in event.detail)]


def printer(json_lines: bool, color: bool | None, clock: Clock) -> Lines | JsonLines | Live:
    """The one that fits the output: JSON when asked for, live on a terminal, else lines."""
    if json_lines:
        return JsonLines(clock)
    if sys.stdout.isatty() and shutil.get_terminal_size().columns > 20:
        return Live(clock, color=color)
    return Lines(clock, color=color)
