"""The report: what a record becomes, and a page that stands alone and escapes all that it shows."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.plan.change import Action, Change
from pryv_nomad.report import render
from pryv_nomad.report.data import data_of
from pryv_nomad.rollout.head import Entry, Head
from pryv_nomad.rollout.state import Phase, Status, Step


def entry(place: int, core: str, wave: int, phase: Phase) -> Entry:
    change = Change(f"pryv-core-{core}", core, "core", Action.UPDATE, 1, core=core, hosting="ch")
    return Entry(place, Step(change, 10, phase, wave=wave), "", True)


def event(clock: float, kind: str, text: str, job: str = "", *detail: str) -> dict[str, Any]:
    return {"clock": clock, "time": "2026-01-01T00:00:00Z", "kind": kind, "text": text, "job": job, "detail": detail}


HEAD = Head("7", status=Status.FAILED, strategy="canary", release="1.9.3", release_from=("1.9.2",), who="ops@laptop",
            started="2026-01-01T00:00:00Z", updated="2026-01-01T00:02:00Z", clock=120.0, waves=2, passed=1,
            halted="gate errors after wave 2: 0.6; must be at most 0.5")  # fmt: skip
ENTRIES = [
    entry(0, "co1", 1, Phase.DONE),
    entry(1, "co2", 2, Phase.FAILED),
    entry(2, "co3", 2, Phase.WAITING),
    entry(3, "co4", 2, Phase.DONE),
]
EVENTS = [
    event(0, "registered", "registered (update)", "pryv-core-co1"),
    event(35, "healthy", "healthy", "pryv-core-co1"),
    event(35, "wave", "wave 1 of 2: core co1 done"),
    event(36, "gate", "wave 1: gate errors: wait: 0.2 (1 of 2 good in a row)", "", "value 0.2"),
    event(46, "gate", "wave 1: gate errors: pass: 0.3", "", "value 0.3"),
    event(50, "registered", "registered (update)", "pryv-core-co2"),
    event(80, "failed", "deployment failed", "pryv-core-co2", "log line <b>one</b>"),
    event(90, "gate", "promote pryv-core-co4: gate errors: fail: 0.6; must be at most 0.5", "", "value 0.6"),
]
DATA = data_of("pryv.example", HEAD, ENTRIES, EVENTS)


def test_cores_have_the_time_of_their_change_and_what_became_of_them() -> None:
    cores = {core["name"]: (core["outcome"], core["begin_s"], core["end_s"], core["wave"]) for core in DATA["cores"]}
    assert cores["co1"] == ("done", 0, 35, 1)
    assert cores["co2"] == ("failed", 50, 80, 2)
    assert cores["co3"] == ("waiting", None, None, 2)
    assert DATA["waves"] == [{"number": 1, "end_s": 35, "cores": 1}, {"number": 2, "end_s": None, "cores": 3}]


def test_gates_have_their_readings_with_values() -> None:
    (gate,) = DATA["gates"]
    assert gate["name"] == "errors"
    assert [(each["at_s"], each["verdict"], each["value"]) for each in gate["readings"]] == [
        (36, "wait", 0.2), (46, "pass", 0.3), (90, "fail", 0.6),
    ]  # fmt: skip


class Page(HTMLParser):
    """Elements, attributes that fetch, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.fetching: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.fetching += [name for name, _ in attrs if name in ("src", "href", "xlink:href", "action", "data")]
        self.fetching += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone() -> None:
    page = Page(render(DATA))
    assert page.fetching == []
    assert "url(" not in render(DATA)
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object"}
    assert page.tags["svg"] == 2
    assert page.tags["circle"] == 3
    assert page.tags["rect"] == 2
    assert "1.9.3 from 1.9.2" in page.text
    assert "log line <b>one</b>" in page.text


def test_the_same_twice() -> None:
    assert render(DATA) == render(DATA)


@given(st.text(max_size=40))
def test_no_text_breaks_out_of_its_place(text: str) -> None:
    hostile = "</title></svg><script>alert(1)</script>" + text
    data = {**DATA, "platform": hostile, "halted": hostile, "who": hostile}
    data["events"] = [{**DATA["events"][0], "text": hostile, "kind": hostile, "job": hostile, "detail": [hostile]}]
    data["gates"] = [
        {"name": hostile, "readings": [{**DATA["gates"][0]["readings"][0], "reason": hostile, "point": hostile}]}
    ]
    data["cores"] = [{**DATA["cores"][0], "name": hostile, "hosting": hostile}]
    page = Page(render(data))
    assert page.fetching == []
    assert "script" not in page.tags


def test_a_rollout_without_cores_gates_or_events_has_a_page() -> None:
    page = Page(render(data_of("pryv.example", Head("1"), [], [])))
    assert "No core was changed." in page.text


def test_thousands_of_cores_have_a_page() -> None:
    entries = [entry(number, f"co{number}", 1, Phase.DONE) for number in range(5_000)]
    events = [event(number % 60, "registered", "registered", f"pryv-core-co{number}") for number in range(5_000)]
    html = render(data_of("pryv.example", HEAD, entries, events))
    assert Page(html).tags["rect"] == 5_000
    assert len(html) < 6_000_000


def test_values_that_cannot_be_drawn_are_still_told() -> None:
    events = [
        event(1, "gate", "wave 1: gate e: fail: inf", "", "value inf"),
        event(2, "gate", "wave 1: gate e: wait: -"),
    ]
    assert Page(render(data_of("p.example", HEAD, ENTRIES, events))).tags["circle"] == 2
