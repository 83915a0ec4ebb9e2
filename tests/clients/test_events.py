"""The event stream tells every batch once and never ends in silence."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.clients.events import batches, lines
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.errors import Unauthorized, Unreachable

from .conftest import TOKEN, Reply, ScriptedServer

BATCHES = [{"Index": n, "Events": [{"Topic": "Job", "Key": f"j{n}"}]} for n in (7, 8, 9)]
NDJSON = b"".join(json.dumps(batch).encode() + b"\n" for batch in [BATCHES[0], {}, BATCHES[1], {}, BATCHES[2]])


def read(stream: Any) -> tuple[list[dict[str, Any]], str]:
    """What a stream told, and with which error it ended."""
    told: list[dict[str, Any]] = []
    with pytest.raises(Unreachable) as caught:
        told.extend(batch for batch in stream)
    return told, f"{caught.value}; {caught.value.remedy}"


@given(cuts=st.lists(st.integers(0, len(NDJSON)), max_size=12).map(sorted), heartbeats=st.booleans())
def test_every_cut_into_chunks_tells_the_same(cuts: list[int], heartbeats: bool) -> None:
    edges = [0, *cuts, len(NDJSON)]
    chunks = [NDJSON[a:b] for a, b in itertools.pairwise(edges)]
    told, _ = read(batches(chunks, "Nomad", heartbeats=heartbeats))
    assert [batch for batch in told if batch] == BATCHES
    assert told.count({}) == (2 if heartbeats else 0)


def test_a_line_that_was_cut_off_is_not_told() -> None:
    assert list(lines([b'{"Index": 7}\n{"Ind', b"ex"])) == [b'{"Index": 7}']


def test_batches_come_as_they_are_sent(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(chunks=[NDJSON[:30], NDJSON[30:], None]))
    stream = nomad.event_stream(5, ["Job:*", "Deployment:d1"])
    assert [next(stream), next(stream), next(stream)] == BATCHES
    stream.close()  # type: ignore[attr-defined]
    (request,) = server.requests
    assert request.path == "/v1/event/stream"
    assert request.query == {"index": ["5"], "topic": ["Job:*", "Deployment:d1"]}
    assert request.headers["X-Nomad-Token"] == TOKEN


def test_heartbeats_are_told_to_those_who_ask(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(chunks=[b"{}\n", b"{}\n", None]))
    stream = nomad.event_stream(heartbeats=True)
    assert [next(stream), next(stream)] == [{}, {}]


@pytest.mark.parametrize("cut", [True, False], ids=["broken off", "ended in order"])
def test_a_stream_that_ends_is_unreachable_and_not_reopened(server: ScriptedServer, nomad: Nomad, cut: bool) -> None:
    server.script(Reply(chunks=[NDJSON, b'{"Index": 10, "Ev'], cut=cut))
    told, said = read(nomad.event_stream())
    assert told == BATCHES
    assert "event" in said
    assert len(server.requests) == 1


def test_a_stream_without_chunks_is_read_as_it_comes_and_its_end_is_an_error(
    server: ScriptedServer, nomad: Nomad
) -> None:
    server.script(Reply(body=NDJSON))
    told, said = read(nomad.event_stream())
    assert told == BATCHES
    assert "closed the event stream; read the state again" in said


def test_a_silent_stream_is_unreachable(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(chunks=[NDJSON, None]))
    stream = nomad.event_stream(silence_s=0.05)
    assert [next(stream), next(stream), next(stream)] == BATCHES
    with pytest.raises(Unreachable, match=r"sent nothing more to GET /v1/event/stream for 0\.05 s"):
        next(stream)


def test_an_error_that_nomad_writes_into_the_stream_is_told(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(chunks=[NDJSON, b"Permission denied\n"]))
    told, said = read(nomad.event_stream())
    assert told == BATCHES
    assert "Permission denied" in said


def test_a_refused_stream_is_unauthorized(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(403, "Permission denied"))
    with pytest.raises(Unauthorized):
        next(nomad.event_stream())
