"""Our record in Consul's KV: what was last done with each job, one entry a job, every write guarded by its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pryv_nomad.errors import ApiError, PryvNomadError, Unreachable
from pryv_nomad.plan.observed import Record

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul


def prefix(domain: str) -> str:
    """Where the records of a platform lie."""
    return f"pryv-nomad/{domain}/jobs/"


class Records:
    """The records of one platform. `read` comes first: what it saw guards each later write."""

    def __init__(self, consul: Consul, domain: str) -> None:
        self._consul = consul
        self._prefix = prefix(domain)
        self._indexes: dict[str, int] = {}

    def read(self) -> dict[str, Record]:
        """All records, in one request. An entry that is no record is left out, and may be written over."""
        found: dict[str, Record] = {}
        self._indexes = {}
        for key, value, index in self._consul.kv_list(self._prefix):
            job_id = key.removeprefix(self._prefix)
            self._indexes[job_id] = index
            record = Record.from_text(value)
            if record is not None:
                found[job_id] = record
        return found

    def write(self, job_id: str, record: Record) -> None:
        """Write a record. Raises Conflict when somebody else wrote it since it was read."""
        key = self._prefix + job_id
        self._consul.kv_put(key, record.to_text().encode(), self._indexes.get(job_id, 0))
        stored = self._consul.kv_get(key)
        self._indexes[job_id] = stored[1] if stored else 0

    def key(self, job_id: str) -> str:
        """The key of a job's record."""
        return self._prefix + job_id

    def operation(self, job_id: str, record: Record | None) -> dict[str, Any]:
        """The operation of a transaction that writes a record, or forgets it (None); `written` comes after it."""
        from pryv_nomad.clients.consul import kv_operation

        index = self._indexes.get(job_id, 0)
        if record is None:
            return kv_operation("delete-cas", self.key(job_id), index=index)
        return kv_operation("cas", self.key(job_id), record.to_text().encode(), index=index)

    def written(self, job_id: str, index: int) -> None:
        """Note the index that a record has now, 0 for one that is gone."""
        self._indexes[job_id] = index

    def delete(self, job_id: str) -> None:
        """Forget a job. Raises Conflict as `write` does."""
        index = self._indexes.pop(job_id, 0)
        if index:
            self._consul.kv_delete(self._prefix + job_id, index)


def read_or_none(records: Records) -> tuple[dict[str, Record] | None, PryvNomadError | None]:
    """The records, or why they cannot be read: a plan does without them, and says so.

    A refused token is raised: that is a mistake to mend, and not an outage.
    """
    try:
        return records.read(), None
    except Unreachable as error:
        return None, error
    except ApiError as error:
        if error.status < 500:
            raise
        return None, error
