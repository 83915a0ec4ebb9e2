"""What every call to Nomad shares: the connection, made when the client is, JSON in and out, and blocking queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from pryv_nomad.clients.blocking import Answer, next_index, parameters, patience
from pryv_nomad.clients.options import TIMEOUT_S, NomadOptions
from pryv_nomad.clients.retries import Retries

if TYPE_CHECKING:
    import nomad
    import requests

    from pryv_nomad.clients.nomad_library import NomadRequester
    from pryv_nomad.clients.transport import Timing

Json = dict[str, Any]
INDEX_HEADER = "X-Nomad-Index"
NEXT_TOKEN_HEADER = "X-Nomad-NextToken"  # noqa: S105 - a header's name


class NomadConnection:
    """A connection to Nomad that threads may share. Raises ConnectionSettingError when made with unusable files."""

    def __init__(
        self,
        options: NomadOptions | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        timing: Timing | None = None,
    ) -> None:
        from pryv_nomad.clients import nomad_library

        self.options = options or NomadOptions()
        self._requester: NomadRequester = nomad_library.connect(self.options, retries, timeout_s, timing)

    def __repr__(self) -> str:
        return f"<Nomad at {self.options.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._requester.session.close()

    @property
    def library(self) -> nomad.Nomad:
        """All of python-nomad over the same session, for what has no method here (quotas, scaling, search …)."""
        from pryv_nomad.clients import nomad_library

        return nomad_library.library(self.options, self._requester.session)

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        index: int | None = None,
        wait_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Read `path` (`job/NAME/allocations`, already quoted, with or without /v1/), blocking when `index` is given.

        A blocking query returns when something newer than `index` is there, or after `wait_s` seconds (Nomad allows at
        most 300 and adds up to a sixteenth; 300 when None). A return does not mean a change. Index 0 answers at
        once.
        """
        query = dict(params or {})
        limit = timeout_s or self._requester.session.timeout_s
        if index is not None:
            query |= parameters(index, wait_s)
            limit = patience(limit, wait_s)
        endpoint = "v1/" + path.removeprefix("/").removeprefix("v1/")
        response = self._requester.send("GET", endpoint, params=query, timeout_s=limit)
        return Answer(self._decode(response), next_index(index or 0, int(response.headers.get(INDEX_HEADER) or 0)))

    def _read(self, *segments: str, timeout_s: float | None, params: Mapping[str, Any] | None = None) -> Any:
        return self._decode(self._requester.call("GET", *segments, params=params, timeout_s=timeout_s))

    def _read_list(
        self, *segments: str, timeout_s: float | None, params: Mapping[str, Any] | None = None, per_page: int = 0
    ) -> list[Json]:
        """A list, page after page when `per_page` is not 0; Nomad writes an empty list as null in places."""
        items: list[Json] = []
        query: Json = {**(params or {}), "per_page": per_page or None}
        while True:
            response = self._requester.call("GET", *segments, params=query, timeout_s=timeout_s)
            items += self._decode(response) or []
            query["next_token"] = response.headers.get(NEXT_TOKEN_HEADER)
            if not query["next_token"]:
                return items

    def _write(
        self,
        method: str,
        segments: Iterable[str],
        *,
        timeout_s: float | None,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        repeatable: bool = False,
    ) -> Any:
        response = self._requester.call(
            method, *segments, params=params, body=body, timeout_s=timeout_s, repeatable=repeatable
        )
        return self._decode(response)

    def _decode(self, response: requests.Response) -> Any:
        from pryv_nomad.clients.transport import decode

        return decode(response, self._requester.session.failures)
