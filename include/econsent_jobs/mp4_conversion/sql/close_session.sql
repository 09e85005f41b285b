-- A session without a chunk for half an hour is over; whoever converts it notes what its recording turned out to be.
UPDATE econsent.sessions AS session
SET
    closed_at = now(),
    recording_sha256 = %(sha256)s,
    recording_bytes = %(size_bytes)s,
    recording_events = %(events)s,
    updated_at = now()
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = %(session_id)s
    AND session.closed_at IS NULL
    AND session.last_chunk_at IS NOT DISTINCT FROM %(last_chunk_at)s
RETURNING session.session_id
