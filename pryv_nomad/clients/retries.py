"""When a request is tried again, and after how long: pure decisions, tested without a clock.

Only requests that may be repeated are retried: reads, and writes that carry a check index, so that a second arrival of
the same write is refused by the server instead of done twice.
"""

from __future__ import annotations

from dataclasses import dataclass

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `attempts` tries, the waits between them doubling from `base_s` up to `cap_s`, each drawn at random from
    zero to that bound ("full jitter"), none begun later than `within_s` after the first try.

    A server that asks for a pause (Retry-After) gets it, unless the pause would end later than `within_s`.
    """

    attempts: int = 4
    base_s: float = 0.25
    cap_s: float = 4.0
    within_s: float = 30.0

    def pause(self, tried: int, elapsed_s: float, jitter: float, retry_after_s: float = 0.0) -> float | None:
        """Seconds to wait before the next try, or None to give up.

        `tried` counts the tries made so far (from 1), `elapsed_s` runs from the first, `jitter` is a random number in
        [0, 1).
        """
        if tried >= self.attempts:
            return None
        bound = min(self.cap_s, self.base_s * 2 ** (tried - 1))
        pause = max(jitter * bound, retry_after_s)
        return pause if elapsed_s + pause <= self.within_s else None


NEVER = Retries(attempts=1)


def retry_after(header: str, now: float) -> float:
    """The seconds that a Retry-After header asks for: a number, or an HTTP date against `now` (seconds since 1970).

    A header that is neither asks for nothing.
    """
    text = header.strip()
    if text.isdecimal():
        return float(text)
    import email.utils

    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return 0.0
