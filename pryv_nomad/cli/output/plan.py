"""A plan as a person reads it: job by job what happens to its groups, which fields differ, what to mind, and counts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

import click

from pryv_nomad.cli.output.text import plain
from pryv_nomad.plan.answers import Effect, Field, Group
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.client_config import snippet
from pryv_nomad.plan.nodes import Lack
from pryv_nomad.plan.values import NANOSECONDS, counted

ADD, EDIT, REPLACE, REMOVE, SAME = "+", "~", "±", "-", "="
COLORS = {ADD: "green", EDIT: "yellow", REPLACE: "magenta", REMOVE: "red", SAME: "cyan"}
REPLACING = frozenset({Effect.REPLACE, Effect.CANARY, Effect.MIGRATE})
WORDS = {
    Action.CREATE: "create",
    Action.START: "start again",
    Action.ADOPT: "nothing to do but to record it",
    Action.STOP: "stop (no longer in the cluster file)",
}
# Fields that hold nanoseconds.
DURATIONS = frozenset(
    {
        "Delay",
        "HealthyDeadline",
        "Interval",
        "KillTimeout",
        "Max",
        "MaxClientDisconnect",
        "MaxDelay",
        "Min",
        "MinHealthyTime",
        "ProgressDeadline",
        "ShutdownDelay",
        "Splay",
        "Stagger",
        "Timeout",
    }
)
FEWEST_ALIKE, SHOWN_ALIKE = 4, 6
LONGEST_VALUE = 100
CONTEXT_LINES = 1
LONGEST_DIFF = 40
MOST_LACKS, MOST_SNIPPETS = 20, 4


def lines(plan: Plan, lacks: Sequence[Lack] = ()) -> Iterator[str]:
    """The whole, line by line, styled with click."""
    for change, alike in folded(plan.changes):
        yield from of_change(change)
        if alike:
            names = ", ".join(plain(each.job_id) for each in alike[:SHOWN_ALIKE])
            more = " …" if len(alike) > SHOWN_ALIKE else ""
            yield f"    {click.style(f'and {len(alike)} more jobs alike:', bold=True)} {names}{more}"
        yield ""
    yield from of_lacks(lacks)
    for warning in plan.warnings:
        yield _marked("warning", "yellow", warning)
    for note in plan.notes:
        yield _marked("note", "cyan", note)
    if plan.warnings or plan.notes:
        yield ""
    yield summary(plan)


def folded(changes: Sequence[Change]) -> Iterator[tuple[Change, list[Change]]]:
    """The changes, each with those that are the same for other cores, which are then not shown again.

    A few are shown one by one, and so is every one that somebody else had a hand in.
    """
    same: dict[object, list[Change]] = {}
    for change in changes:
        same.setdefault(_likeness(change), []).append(change)
    for change in changes:
        alike = same[_likeness(change)]
        if len(alike) < FEWEST_ALIKE:
            yield change, []
        elif alike[0] is change:
            yield change, alike[1:]


def _likeness(change: Change) -> object:
    if not change.core or change.drift:
        return change.job_id
    return change.kind, change.action, change.groups, change.fields, change.notes


def summary(plan: Plan) -> str:
    """One line with counts."""
    if plan.empty:
        return f"No changes: {counted(len(plan.unchanged), 'job')} as the cluster file says."
    counts = plan.counts
    replaced = sum(mark(change) == REPLACE for change in plan.changes)
    updated = counts[Action.UPDATE] - replaced
    parts = [
        (counts[Action.CREATE], "to create"),
        (counts[Action.START], "to start again"),
        (updated, "to update in place"),
        (replaced, "to replace"),
        (counts[Action.STOP], "to stop"),
        (counts[Action.ADOPT], "to record"),
        (len(plan.unchanged), "unchanged"),
    ]
    text = ", ".join(f"{number} {word}" for number, word in parts if number)
    drifted = len(plan.drifted)
    return click.style("Plan: ", bold=True) + text + (f"; {drifted} changed by somebody else" if drifted else "") + "."


def mark(change: Change) -> str:
    """The sign before a job, as terraform has it: + ~ ± - and = for what is only recorded."""
    if change.action in (Action.CREATE, Action.START):
        return ADD
    if change.action is Action.STOP:
        return REMOVE
    if change.action is Action.ADOPT:
        return SAME
    return REPLACE if change.effects & REPLACING else EDIT


def of_change(change: Change) -> Iterator[str]:
    """One job."""
    sign = mark(change)
    word = WORDS.get(change.action) or ("replace" if sign == REPLACE else "update in place")
    where = f" ({change.hosting})" if change.hosting else ""
    yield f"{_colored(sign)} {click.style(plain(change.job_id), bold=True)}{plain(where)}: {word}"
    if change.drift:
        yield "    " + _marked("drift", "red", change.drift)
    for note in change.notes:
        yield "    " + _marked("note", "cyan", note)
    if change.action is not Action.ADOPT:
        for group in change.groups:
            yield from _group(group)
        before = ""
        for field in change.fields:
            # Nomad says the effect of a whole task with each of its fields; once is enough.
            reason = f"{field.path.split(' / Config')[0].partition('task ')[2].split(' / ')[0]} {field.effect}"
            yield from _field(field, field.effect if reason != before else "")
            before = reason


def _group(group: Group) -> Iterator[str]:
    counts = ", ".join(f"{number} {word}" for word, number in group.counts if word != "ignore")
    if group.effect is not Effect.IGNORE:
        yield f"    group {plain(group.name)}: {group.effect.value}" + (f" ({counts})" if counts else "")
    for reason in group.unplaced:
        yield "      " + _marked("no place", "red", reason)


def _field(field: Field, forced: str) -> Iterator[str]:
    sign = {"Added": ADD, "Deleted": REMOVE}.get(field.type, EDIT)
    effect = click.style(f"  # {plain(forced)}", dim=True) if forced else ""
    name = field.path.rpartition(" / ")[2]
    path = plain(field.path)
    if "\n" in field.old or "\n" in field.new:
        yield f"      {_colored(sign)} {path}:{effect}"
        yield from (f"          {line}" for line in _text_diff(field.old, field.new))
        return
    old, new = _value(field.old, name), _value(field.new, name)
    values = {ADD: new, REMOVE: old}.get(sign) or f"{old} → {new}"
    bare = sign != EDIT and not (field.old or field.new)
    yield f"      {_colored(sign)} {path}" + ("" if bare else f": {values}") + effect


def _value(text: str, name: str) -> str:
    if name in DURATIONS and text.isdecimal():
        return f"{int(text) / NANOSECONDS:g}s"
    shown = plain(text)
    shown = shown if len(shown) <= LONGEST_VALUE else shown[: LONGEST_VALUE - 1] + "…"
    return f'"{shown}"'


def _text_diff(old: str, new: str) -> Iterator[str]:
    """The lines of a template that differ."""
    found = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=CONTEXT_LINES, lineterm=""))[2:]
    for line in found[:LONGEST_DIFF]:
        shown = plain(line)
        if line.startswith("@@"):
            yield click.style(shown, dim=True)
        else:
            yield click.style(shown, fg={"+": "green", "-": "red"}.get(line[:1]))
    if len(found) > LONGEST_DIFF:
        yield click.style(f"… {len(found) - LONGEST_DIFF} more lines (all of them in --json)", dim=True)


def of_lacks(lacks: Sequence[Lack]) -> Iterator[str]:
    """What the nodes lack, and the client configuration that would give it (in full for the first few)."""
    if lacks:
        yield click.style("Nodes lack what these jobs need (docs/client-prerequisites.md):", bold=True)
    for number, lack in enumerate(lacks[:MOST_LACKS]):
        where = f"node {plain(lack.node)}" if lack.node else "no node fits"
        yield f"  {plain(lack.needs.owner)} ({', '.join(map(plain, lack.needs.jobs))}), {where}:"
        yield from (f"    {_colored(REMOVE)} {plain(problem.text)}" for problem in lack.problems)
        text = snippet(lack)
        if text and number < MOST_SNIPPETS:
            yield "    add to the configuration of its Nomad client:"
            yield from _indented(plain(text).splitlines(), "      ")
    if len(lacks) > MOST_LACKS:
        yield f"  … and {len(lacks) - MOST_LACKS} more"
    if lacks:
        yield ""


def _indented(text: Iterable[str], by: str) -> Iterator[str]:
    return (by + line for line in text)


def _colored(sign: str) -> str:
    return click.style(sign, fg=COLORS[sign], bold=True)


def _marked(kind: str, color: str, text: str) -> str:
    return f"{click.style(f'{kind}:', fg=color)} {plain(text)}"
