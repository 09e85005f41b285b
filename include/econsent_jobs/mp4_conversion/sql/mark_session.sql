-- What the platform, its API and the search index read: the index follows by trigger.
UPDATE econsent.sessions AS session
SET
    rrweb_to_video_status = %(status)s,
    updated_at = now()
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = %(session_id)s
    AND session.rrweb_to_video_status IS DISTINCT FROM %(status)s
