-- Unretained sessions past their window; of a company that closes, or a person who asked, every one.
SELECT
    session.session_id,
    session.recording_path
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.retention_status = 'unretained'
    AND (session.expires_at <= %(now)s OR %(everything)s)
    AND session.session_id > %(after)s
ORDER BY session.session_id
LIMIT %(batch_size)s
