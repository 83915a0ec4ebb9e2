"""What a terminal gets: nothing that it would obey, columns that fit, a live view that cleans up behind itself."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.cli.output.plan import lines
from pryv_nomad.cli.output.progress import JsonLines, Lines, Live
from pryv_nomad.cli.output.text import cut, padded, plain, table, width
from pryv_nomad.plan.answers import Effect, Field, Group
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.rollout.events import Event
from tests.plan.made import change, core_changes, intent


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("a\rb\x08c\x7f", "abc"),
        ("\u202eabc", "abc"),
        ("tab\tnew\nline", "tab    new\nline"),
        ("Zürich 東京 🐘", "Zürich 東京 🐘"),
    ],
)
def test_what_a_terminal_would_obey_is_left_out(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(max_size=30), st.integers(2, 20))
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns


def test_wide_and_combining_characters_keep_columns_straight() -> None:
    assert width("東京") == 4
    assert width("e\u0301") == 1
    assert padded("東", 4) == "東  "
    head, first, second = table(("A", "B"), [("東京", "x"), ("ab", "y")])
    assert (head, first, second) == ("A     B", "東京  x", "ab    y")


def printed(events: list[Event], live: bool = True) -> str:
    out = io.StringIO()
    view = Live(lambda: "12:00:00", out, False, lambda: 40) if live else Lines(lambda: "12:00:00", out, False)
    for event in events:
        view(event)
    view.close()
    return out.getvalue()


EVENTS = [
    Event("waiting", "0 of 1 jobs done; waiting for pryv-redis"),
    Event("registered", "registered (create)", "pryv-redis"),
    Event("progress", "0 of 1 healthy", "pryv-redis"),
    Event("healthy", "healthy", "pryv-redis"),
]


def test_without_a_terminal_each_event_is_a_line() -> None:
    assert printed(EVENTS, live=False).splitlines() == [
        "12:00:00 pryv-redis: registered (create)",
        "12:00:00 pryv-redis: 0 of 1 healthy",
        "12:00:00 pryv-redis: healthy",
    ]


def screen(text: str) -> list[str]:
    """What stands on a terminal after `text`."""
    rows: list[str] = [""]
    for part in text.replace("\x1b[J", "").split("\x1b["):
        count, found, rest = part.partition("F")
        if found and count.isdigit():
            del rows[len(rows) - 1 - int(count) :]
            rows.append("")
            part = rest
        first, *more = part.split("\n")
        rows[-1] += first
        rows += more
    return rows


def test_the_live_view_redraws_in_place_and_leaves_only_what_happened() -> None:
    assert screen(printed(EVENTS)) == ["12:00:00 pryv-redis: registered (create)", "12:00:00 pryv-redis: healthy", ""]


def test_the_live_view_never_writes_a_line_wider_than_the_terminal() -> None:
    text = printed([Event("progress", "x" * 200, "pryv-redis")])
    assert max(map(len, text.replace("\x1b[2F\x1b[J", "").splitlines())) < 40


def test_json_lines_are_one_object_an_event() -> None:
    out = io.StringIO()
    JsonLines(lambda: "now", out)(Event("failed", "näh\n\x1b[31m", "j", ("a",)))
    assert json.loads(out.getvalue()) == {
        "time": "now",
        "kind": "failed",
        "text": "näh\n\x1b[31m",
        "job": "j",
        "detail": ["a"],
    }
    assert out.getvalue().count("\n") == 1


def shown(made: Change) -> list[str]:
    return [line.strip() for line in lines(Plan(intent("co1"), "0", (made,)))]


def test_a_template_is_shown_by_the_lines_that_differ() -> None:
    field = Field("group api / task core / Template[x] / EmbeddedTmpl", "Edited", "a\nb\nc\n", "a\nB\nc\n", "forces it")
    made = Change("j", "co1", "core", Action.UPDATE, 1, groups=(Group("api", Effect.REPLACE),), fields=(field,))
    import click

    text = [click.unstyle(line) for line in shown(made)]
    assert text[:2] == ["± j: replace", "group api: replace"]
    assert text[2] == "~ group api / task core / Template[x] / EmbeddedTmpl:  # forces it"
    assert text[4:8] == ["a", "-b", "+B", "c"]


def test_durations_are_shown_in_seconds_and_counts_as_they_are() -> None:
    import click

    fields = (Field("KillTimeout", "Edited", "30000000000", "1500000000"), Field("Count", "Edited", "1", "3"))
    made = Change("j", "co1", "core", Action.UPDATE, 1, fields=fields)
    text = [click.unstyle(line) for line in shown(made)]
    assert "~ KillTimeout: 30s → 1.5s" in text
    assert '~ Count: "1" → "3"' in text


def test_what_a_job_holds_cannot_steer_the_terminal() -> None:
    field = Field("Env[X]", "Edited", "a\x1b[2J", "b\x1b]0;t\x07")
    text = "\n".join(shown(Change("j", "o", "k", Action.UPDATE, 1, fields=(field,))))
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text


def test_what_is_the_same_for_many_cores_is_shown_once() -> None:
    import click

    cores = [f"co{number}" for number in range(1, 11)]
    changes = tuple(each for core in cores for each in core_changes(core, Action.CREATE))
    odd = (replace(changes[4], drift="changed by somebody else"),)
    text = [click.unstyle(line) for line in lines(Plan(intent(*cores), "0", (*changes[:4], *odd, *changes[5:])))]
    assert [line for line in text if line.startswith("+")] == [
        "+ pryv-data-co1 (ch): create",
        "+ pryv-core-co1 (ch): create",
        "+ pryv-edge-co1 (ch): create",
        "+ pryv-core-co2 (ch): create",
    ]
    assert "    and 9 more jobs alike: " + ", ".join(f"pryv-data-{core}" for core in cores[1:7]) + " …" in text
    assert text[-1] == "Plan: 30 to create; 1 changed by somebody else."


def test_counts_stand_at_the_end() -> None:
    import click

    changes = (change("a", Action.CREATE), change("b", Action.STOP), change("c"), change("d", Action.ADOPT))
    *_, last = lines(Plan(intent("co1"), "0", changes, {"e": 1}))
    assert click.unstyle(last) == "Plan: 1 to create, 1 to update in place, 1 to stop, 1 to record, 1 unchanged."
