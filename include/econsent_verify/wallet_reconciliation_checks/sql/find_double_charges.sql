-- One request, and one session's retention, is paid for once, however many usage rows speak of it.
WITH twice AS (
    SELECT
        used.company_id,
        used.sku,
        'request ' || used.request_id AS named,
        count(*) AS charges
    FROM econsent.usage_events AS used
    WHERE
        (%(company_id)s::text IS NULL OR used.company_id = %(company_id)s)
        AND used.status = 'posted'
    GROUP BY used.company_id, used.sku, used.request_id
    HAVING count(*) > 1
    UNION ALL
    SELECT
        used.company_id,
        used.sku,
        'session ' || used.session_id AS named,
        count(*) AS charges
    FROM econsent.usage_events AS used
    WHERE
        (%(company_id)s::text IS NULL OR used.company_id = %(company_id)s)
        AND used.status = 'posted' AND used.sku = 'session_retention'
    GROUP BY used.company_id, used.sku, used.session_id
    HAVING count(*) > 1
)

SELECT
    twice.company_id,
    twice.named AS subject,
    'duplicate' AS trouble,
    twice.sku AS what,
    'one charge' AS expected,
    twice.charges || ' charges' AS found
FROM twice
ORDER BY twice.company_id, twice.named
LIMIT %(most)s
