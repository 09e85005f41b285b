-- Sessions that retained themselves without their one unit of usage.
SELECT
    session.company_id,
    session.session_id
FROM econsent.sessions AS session
WHERE
    session.retention_source = 'auto'
    AND session.retained_at IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM econsent.retention_usage_items AS item
        WHERE
            item.company_id = session.company_id AND item.session_id = session.session_id
            AND item.period = date_trunc('month', session.retained_at AT TIME ZONE 'UTC')::date
    )
ORDER BY session.company_id, session.session_id
LIMIT 1000
