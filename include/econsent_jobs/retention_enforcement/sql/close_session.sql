-- Closed with the hash of its recording, unless a chunk came meanwhile.
UPDATE econsent.sessions AS session
SET
    closed_at = now(),
    recording_bytes = %(bytes)s,
    recording_sha256 = %(sha256)s,
    updated_at = now()
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = %(session_id)s
    AND session.closed_at IS NULL
    AND session.last_chunk_at IS NOT DISTINCT FROM %(last_chunk_at)s
