-- A file on the shared file system gets its row before anything is done to it, so that a kill in between leaves nothing behind.
INSERT INTO econsent.storage_objects (company_id, session_id, kind, backend, tier, object_key, bytes, sha256)
SELECT
    session.company_id,
    session.session_id,
    'recording',
    'efs',
    1,
    named.object_key,
    coalesce(session.recording_bytes, 0),
    coalesce(session.recording_sha256, encode(sha256(''), 'hex'))
FROM unnest(%(session_ids)s::text[], %(object_keys)s::text[]) AS named (session_id, object_key)
INNER JOIN econsent.sessions AS session ON session.company_id = %(company_id)s AND named.session_id = session.session_id
WHERE session.company_id = %(company_id)s
ON CONFLICT DO NOTHING  -- a file that was deleted keeps its row: whoever comes late must not register it anew
