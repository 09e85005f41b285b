"""Personal data goes from every column that holds it; hashes and ids stay. ``rules/personal.py`` has the list."""

from collections.abc import Sequence

from econsent_jobs.retention_enforcement.store import Row
from econsent_jobs.retention_enforcement.turn import Turn


def erase(turn: Turn, certificate_pks: Sequence[int], *, session_ids: Sequence[str], deleted: bool) -> list[Row]:
    """Erase certificates and whole sessions, in the caller's transaction. ``deleted``: expired ones are also finished."""
    store, company = turn.tools.store, {"company_id": turn.company_id}
    pks, sessions = list(certificate_pks), list(session_ids)
    erased = store.rows("erase_certificates", **company, certificate_pks=pks, deleted=deleted, now=turn.now)
    subjects = [row["certificate_id"] for row in erased if row["certificate_id"]] + sessions
    keys = [str(pk) for pk in pks]
    store.run("erase_attestations", **company, certificate_pks=pks)
    store.run("erase_sealed_documents", **company, certificate_pks=pks)
    store.run("erase_sessions", **company, session_ids=sessions)
    store.run("erase_events", **company, subjects=subjects)
    store.run("erase_deliveries", **company, subjects=subjects)
    store.run("erase_attempts", **company, subjects=subjects)
    store.run("erase_conversions", **company, session_ids=sessions)
    store.run("erase_outbox_errors", **company, doc_keys=keys)
    store.run("erase_usage_errors", **company, session_ids=sessions, subjects=subjects)
    store.run("erase_audit_personal", **company, subjects=subjects, doc_keys=keys)
    return erased
