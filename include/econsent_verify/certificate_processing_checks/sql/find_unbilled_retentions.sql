-- A session retained by the policy has exactly one unit of usage, in the month of its retention; nothing else has one of the policy's.
WITH session AS (
    SELECT
        visit.session_id,
        visit.retention_status,
        visit.retention_source,
        visit.retained_at
    FROM econsent.sessions AS visit
    WHERE visit.company_id = %(company_id)s
),

item AS (
    SELECT
        unit.session_id,
        unit.period,
        unit.retained_at
    FROM econsent.retention_usage_items AS unit
    WHERE unit.company_id = %(company_id)s
)

SELECT
    coalesce(session.session_id, item.session_id) AS session_id,
    session.retention_status,
    session.retention_source,
    session.retained_at,
    item.period,
    item.retained_at AS billed_at
FROM session
FULL JOIN item ON session.session_id = item.session_id
WHERE
    (session.retention_source = 'auto' AND item.session_id IS NULL)
    OR (item.session_id IS NOT NULL AND coalesce(session.retention_source, 'none') NOT IN ('auto', 'manual'))
    OR (
        session.retention_source = 'auto'
        AND (
            item.retained_at IS DISTINCT FROM session.retained_at
            OR item.period IS DISTINCT FROM date_trunc('month', session.retained_at AT TIME ZONE 'UTC')::date
        )
    )
ORDER BY session_id
LIMIT %(most)s
