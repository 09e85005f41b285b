-- Whoever finds a session over closes it, unless a chunk came in since the recording was read.
UPDATE econsent.sessions AS session
SET
    closed_at = now(),
    recording_sha256 = over.recording_sha256,
    recording_bytes = over.recording_bytes,
    recording_events = over.recording_events,
    updated_at = now()
FROM
    unnest(
        %(session_ids)s::text[],
        %(last_chunk_ats)s::timestamptz[],
        %(recording_sha256s)s::text[],
        %(recording_bytes)s::bigint[],
        %(recording_events)s::integer[]
    ) AS over (session_id, last_chunk_at, recording_sha256, recording_bytes, recording_events)
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = over.session_id
    AND session.closed_at IS NULL
    AND session.last_chunk_at IS NOT DISTINCT FROM over.last_chunk_at
