"""Nomad's event stream as a sequence of batches, which ends in an error and never in silence.

The stream is newline-delimited JSON over one long answer. Nomad buffers few events (100) and begins at the closest
index it still has, so after a break a reader must read the state again; nothing here reconnects on its own, which
would skip or repeat events unseen. Once the answer has begun with status 200, Nomad writes a later error as plain text
into it (`command/agent/http.go`, wrap).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pryv_nomad.errors import Unreachable


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The complete lines of a stream that is cut into chunks anywhere; what follows the last newline is dropped."""
    kept: list[bytes] = []
    for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        kept.append(first)
        for piece in rest:
            line, kept = b"".join(kept), [piece]
            if line.strip():
                yield line


def batches(stream: Iterable[bytes], server: str, *, heartbeats: bool) -> Iterator[dict[str, Any]]:
    """`{"Index": …, "Events": […]}`, batch by batch, and `{}` for a heartbeat where those are wanted.

    Raises Unreachable for text that is no batch, and at the end of the stream.
    """
    remedy = "read the state again, then open the stream anew"
    for line in lines(stream):
        try:
            batch = json.loads(line)
        except ValueError:
            batch = None
        if not isinstance(batch, dict):
            said = line.decode("utf-8", "replace").strip()[:300]
            raise Unreachable(f"{server} ended the event stream: {said}", remedy)
        if batch or heartbeats:
            yield batch
    raise Unreachable(f"{server} closed the event stream", remedy)
