"""eConsent's side of the watch: the audit trail and what is drawn from it. One method a statement, no decisions."""

import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from econsent_airflow.watch.executions import text
from econsent_jobs.core.statements import statement

Row = dict[str, Any]


NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def document(found: Any) -> Jsonb:
    """Return it as PostgreSQL takes it: a request to Airflow may hold U+0000 and half a pair of surrogates, and no database's text does."""
    return Jsonb(found, dumps=lambda value: NUL.sub(r"\1\\ufffd", json.dumps(value, ensure_ascii=False)).encode("utf-8", "replace"))


class Trail:
    """Writes as ``econsent_watch`` on one connection in autocommit mode; ``transaction`` binds what has to be there together."""

    def __init__(self, connection: Connection[Any]) -> None:
        connection.autocommit = True
        self._connection = connection

    @contextmanager
    def transaction(self) -> Generator[None]:
        with self._connection.transaction():
            yield

    def _rows(self, name: str, /, **values: Any) -> list[Row]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement(__package__ or "", name), values)
            return cursor.fetchall() if cursor.description else []

    def record_executions(self, found: Sequence[Row]) -> list[Row]:
        """Write entries and history rows; return those that were new."""
        return self._rows("record_executions", entries=document(list(found))) if found else []

    def record(self, found: Sequence[Row]) -> int:
        """Write entries of actions; return how many were new."""
        return len(self._rows("record_entries", entries=document(list(found)))) if found else 0

    def note(self, action: str, *, key: str, at: datetime, **details: Any) -> None:
        """Write one entry of what the watch itself saw."""
        self.record(
            [
                {
                    "action": action,
                    "category": "jobs",
                    "by": "system:watch",
                    "ip_address": None,
                    "at": text(at),
                    "details": details,
                    "request_id": None,
                    "dedupe_key": key,
                }
            ]
        )

    def missing_executions(self, keys: Sequence[Row]) -> list[int]:
        """Return the numbers of the runs among ``keys`` (id, dag_id, run_id, clear_number) that the history does not hold."""
        return [row["id"] for row in self._rows("find_missing_executions", keys=Jsonb(list(keys)))] if keys else []

    def recent_executions(self, dag_ids: Sequence[str]) -> list[Row]:
        return self._rows("list_recent_executions", dag_ids=list(dag_ids))

    def pauses(self) -> list[Row]:
        return self._rows("list_open_pauses")

    def open_pause(self, dag_id: str) -> None:
        self._rows("open_pause", dag_id=dag_id)

    def see_pause(self, dag_id: str) -> None:
        self._rows("see_pause", dag_id=dag_id)

    def close_pause(self, dag_id: str) -> None:
        self._rows("close_pause", dag_id=dag_id)

    def withdraw_stale_pauses(self, dag_id: str) -> None:
        self._rows("withdraw_stale_pauses", dag_id=dag_id)

    def outages(self) -> list[Row]:
        return self._rows("list_outages")

    def open_outage(self, component: str, stopped_at: datetime) -> None:
        self._rows("open_outage", component=component, stopped_at=stopped_at)

    def close_outage(self, component: str, back_at: datetime) -> None:
        self._rows("close_outage", component=component, back_at=back_at)

    def breaks(self) -> list[Row]:
        return self._rows("list_breaks")

    def open_break(self, *, file: str, dag_ids: list[str], broke_at: datetime, sentence: str, stack_trace: str) -> None:
        self._rows("open_break", file=file, dag_ids=dag_ids, broke_at=broke_at, sentence=sentence, stack_trace=stack_trace)

    def close_break(self, file: str) -> None:
        self._rows("close_break", file=file)

    def open_incidents(self) -> list[Row]:
        return self._rows("list_open_incidents")

    def open_incident(self, *, dag_id: str, cause: str, sentence: str, streak: int) -> Row | None:
        """Return the new incident, None where one of this job and cause is open."""
        found = self._rows("open_incident", dag_id=dag_id, cause=cause, sentence=sentence, streak=streak)
        return found[0] if found else None

    def close_incident(self, incident_id: Any) -> bool:
        return bool(self._rows("close_incident", incident_id=incident_id))

    def queue_alert(self, *, message_id: str, channel: str, payload: Mapping[str, Any]) -> None:
        self._rows("queue_alert", message_id=message_id, channel=channel, payload=Jsonb(dict(payload)))

    def queue_mail(self, *, message_id: str, recipients: Sequence[str], subject: str, body: str) -> None:
        self._rows("queue_mail", message_id=message_id, recipients=list(recipients), subject=subject, body=body)

    def due_alerts(self, most: int) -> list[Row]:
        return self._rows("list_due_alerts", most=most)

    def close_alert(self, message_id: str, error: str | None) -> None:
        self._rows("close_alert", message_id=message_id, error=error)

    def state(self, name: str) -> Row:
        found = self._rows("read_state", name=name)
        return found[0]["position"] if found else {}

    def write_state(self, name: str, position: Mapping[str, Any]) -> None:
        self._rows("write_state", name=name, position=Jsonb(dict(position)))

    def seal(self, *, everything: bool, most: int) -> int:
        """Seal up to ``most`` entries; return how many. ``everything`` looks at all entries instead of those since the last time."""
        return self._rows("seal", everything=everything, most=most)[0]["sealed"]

    def next_segment_range(self) -> tuple[int, int] | None:
        """Return the first and last link of the chain that no segment holds, None where there is none."""
        row = self._rows("next_segment_range")[0]
        return None if row["first_seq"] is None else (row["first_seq"], row["last_seq"])

    def chain(self, first_seq: int, last_seq: int) -> list[Row]:
        return self._rows("list_chain", first_seq=first_seq, last_seq=last_seq)

    def fix_segment(self, **columns: Any) -> None:
        self._rows("fix_segment", **columns)

    def unstored_segments(self) -> list[Row]:
        return self._rows("list_unstored_segments")

    def store_segment(self, *, day: Any, version_id: str) -> None:
        self._rows("store_segment", day=day, version_id=version_id)
