-- Sessions are locked before certificates, everywhere: two runs that finalise certificates of one session must not meet crosswise.
SELECT session.session_id
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = any(%(session_ids)s)
ORDER BY session.session_id
FOR NO KEY UPDATE
