-- The recording is complete from here on; only an open session is closed.
UPDATE econsent.sessions
SET
    closed_at = now(),
    last_chunk_at = %(last_chunk_at)s,
    recording_bytes = %(recording_bytes)s,
    recording_events = %(recording_events)s,
    recording_sha256 = %(recording_sha256)s,
    row_version = row_version + 1,
    updated_at = now()
WHERE company_id = %(company_id)s AND session_id = %(session_id)s AND closed_at IS NULL
