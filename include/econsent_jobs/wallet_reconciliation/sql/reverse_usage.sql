-- Charges whose usage the service took back, and the later of two charges for one request. A reversal lies in its charge's own month.
WITH due AS MATERIALIZED (
    SELECT usage.usage_id
    FROM econsent.usage_events AS usage
    WHERE
        usage.company_id = %(company_id)s
        AND (
            (usage.status = 'voided' AND usage.ledger_id IS NOT NULL)
            OR usage.usage_id = any(%(duplicate_ids)s)
        )
    ORDER BY usage.usage_id
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE SKIP LOCKED
),

posted AS MATERIALIZED (
    SELECT
        entry.usage_id,
        entry.ledger_id
    FROM econsent.post_entries(
        %(company_id)s,
        (
            SELECT
                coalesce(array_agg(row(
                    'reversal', -charge.amount, charge.sku, charge.quantity, charge.unit_price, charge.usage_id, NULL, charge.ledger_id,
                    'reversal:' || charge.ledger_id, charge.occurred_at, NULL
                )::econsent.ledger_request ORDER BY charge.entry_no), ARRAY[]::econsent.ledger_request[])
            FROM due
            INNER JOIN econsent.usage_events AS usage ON due.usage_id = usage.usage_id
            INNER JOIN econsent.wallet_ledger AS charge ON usage.ledger_id = charge.ledger_id
        ),
        'system:scheduler',
        %(run_id)s
    ) AS entry
),

marked AS (
    UPDATE econsent.usage_events AS usage
    SET
        status = 'reversed',
        error_class = CASE WHEN usage.status = 'posted' THEN 'data' END,
        last_error = CASE WHEN usage.status = 'posted' THEN 'an earlier usage of the same request is charged already' END
    FROM posted
    WHERE usage.usage_id = posted.usage_id
)

SELECT
    (SELECT count(*) FROM due)::integer AS seen,
    0 AS posted,
    count(*)::integer AS reversed,
    0 AS quarantined
FROM posted
