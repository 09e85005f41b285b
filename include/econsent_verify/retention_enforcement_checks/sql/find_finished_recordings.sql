-- Sessions that ended lately and say that nothing of them is stored, with the file that they had.
SELECT
    session.company_id,
    session.session_id,
    session.recording_path AS object_key
FROM econsent.sessions AS session
WHERE
    session.retention_status = 'deleted'
    AND session.recording_path IS NOT NULL
    AND session.updated_at >= now() - interval '30 days'
ORDER BY session.company_id, session.session_id
LIMIT 10000
