-- Sessions are locked before queue rows, everywhere.
SELECT session.session_id
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = %(session_id)s
FOR NO KEY UPDATE
