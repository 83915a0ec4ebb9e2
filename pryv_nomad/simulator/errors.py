"""What the simulated APIs refuse with: an HTTP status and the text that the real one answers."""

from __future__ import annotations

import json
from typing import Any


class Refusal(Exception):
    """An answer that is not a success: `status` of HTTP and `text`, the body."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class VariableConflict(Refusal):
    """A variable was written with an index that is not its own: 409, the body being the variable as it stands."""

    def __init__(self, current: dict[str, Any]) -> None:
        super().__init__(409, json.dumps(current, separators=(",", ":"), sort_keys=True))
