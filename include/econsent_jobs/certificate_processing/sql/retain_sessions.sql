-- Auto-retention, by the policy at this moment. Whoever changes the status writes the one unit of usage, so that none is counted twice.
WITH retained AS (
    UPDATE econsent.sessions AS session
    SET
        retention_status = 'retained',
        retention_source = 'auto',
        retained_at = now(),
        rrweb_to_video_status = 'pending',
        updated_at = now()
    FROM econsent.retention_settings AS settings
    WHERE
        session.company_id = %(company_id)s
        AND session.session_id = any(%(session_ids)s)
        AND session.retention_status = 'unretained'
        AND session.closed_at IS NOT NULL
        AND settings.company_id = %(company_id)s
        AND settings.auto_retention_enabled
    RETURNING session.company_id, session.session_id, session.retained_at
)

INSERT INTO econsent.retention_usage_items (company_id, session_id, period, retained_at)
SELECT
    retained.company_id,
    retained.session_id,
    date_trunc('month', retained.retained_at AT TIME ZONE 'UTC')::date,
    retained.retained_at
FROM retained
