-- What a session knows of its visitor.
UPDATE econsent.sessions AS session
SET page_url = NULL, ip = NULL, user_agent = NULL, browser_language = NULL, geo = NULL, updated_at = now()
WHERE session.company_id = %(company_id)s AND session.session_id = any(%(session_ids)s)
