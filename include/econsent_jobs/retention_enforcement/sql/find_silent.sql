-- Sessions that nobody closed and that have been without a chunk for half an hour: they are over.
SELECT
    session.session_id,
    session.property_id,
    session.recording_path,
    session.last_chunk_at
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.closed_at IS NULL
    AND session.retention_status = 'unretained'
    AND coalesce(session.last_chunk_at, session.started_at) <= %(now)s - interval '30 minutes'
    AND session.session_id > %(after)s
ORDER BY session.session_id
LIMIT %(batch_size)s
