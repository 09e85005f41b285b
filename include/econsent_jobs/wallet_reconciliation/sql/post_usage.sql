-- One slice of usage, oldest first: charged at the price that held when it happened, or set aside with the reason. All in one statement.
WITH due AS MATERIALIZED (
    SELECT
        usage.usage_id,
        usage.sku,
        usage.quantity,
        usage.request_id,
        usage.occurred_at
    FROM econsent.usage_events AS usage
    WHERE
        usage.company_id = %(company_id)s
        AND usage.status = 'unposted'
        AND usage.occurred_at <= %(occurred_until)s
    ORDER BY usage.occurred_at, usage.usage_id
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE SKIP LOCKED
),

judged AS MATERIALIZED (
    SELECT
        due.usage_id,
        due.sku,
        due.quantity,
        due.occurred_at,
        price.unit_price,
        due.quantity * price.unit_price AS amount,
        CASE
            WHEN twin.usage_id IS NOT NULL THEN 'duplicate'
            WHEN price.unit_price IS NOT NULL AND due.quantity * price.unit_price < 1000000000 THEN 'good'
            WHEN price.unit_price IS NOT NULL THEN 'too_large'
            WHEN
                EXISTS (
                    SELECT FROM econsent.price_book AS listed
                    WHERE listed.sku = due.sku AND listed.sku <> 'retention_overage'
                )
                THEN 'no_price'
            ELSE 'unknown_sku'
        END AS verdict,
        twin.usage_id AS twin_id
    FROM due
    LEFT JOIN econsent.price_book AS price
        ON
            due.sku = price.sku
            AND price.sku <> 'retention_overage'
            AND price.tier_from = 0
            AND due.occurred_at >= price.effective_from
            AND (price.effective_to IS NULL OR due.occurred_at < price.effective_to)
    LEFT JOIN LATERAL (
        SELECT other.usage_id
        FROM econsent.usage_events AS other
        WHERE
            other.company_id = %(company_id)s
            AND other.sku = due.sku
            AND other.request_id = due.request_id
            AND other.usage_id <> due.usage_id
            AND (
                other.status = 'posted'
                OR (
                    other.status = 'unposted'
                    AND (other.occurred_at, other.usage_id) < (due.occurred_at, due.usage_id)
                    -- one that is about to be set aside charges nobody, so this one is no duplicate of it
                    AND EXISTS (
                        SELECT FROM econsent.price_book AS its
                        WHERE
                            its.sku = other.sku
                            AND its.sku <> 'retention_overage'
                            AND its.tier_from = 0
                            AND other.occurred_at >= its.effective_from
                            AND (its.effective_to IS NULL OR other.occurred_at < its.effective_to)
                            AND other.quantity * its.unit_price < 1000000000
                    )
                )
            )
        ORDER BY other.occurred_at, other.usage_id
        LIMIT 1
    ) AS twin ON TRUE
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
                    CASE judged.sku WHEN 'session_retention' THEN 'retention_charge' ELSE 'usage_charge' END,
                    -judged.amount, judged.sku, judged.quantity, judged.unit_price, judged.usage_id, NULL, NULL,
                    'usage:' || judged.usage_id, judged.occurred_at, NULL
                )::econsent.ledger_request ORDER BY judged.occurred_at, judged.usage_id), ARRAY[]::econsent.ledger_request[])
            FROM judged
            WHERE judged.verdict = 'good' AND judged.amount > 0
        ),
        'system:scheduler',
        %(run_id)s
    ) AS entry
),

marked AS (
    UPDATE econsent.usage_events AS usage
    SET
        status = CASE judged.verdict WHEN 'good' THEN 'posted' WHEN 'duplicate' THEN 'reversed' ELSE 'quarantined' END,
        ledger_id = posted.ledger_id,
        error_class = CASE judged.verdict WHEN 'good' THEN NULL ELSE 'data' END,
        last_error = CASE judged.verdict
            WHEN 'duplicate' THEN format('the same request as usage %%s, which is the one that is charged', judged.twin_id)
            WHEN 'too_large' THEN format('%%s units at %%s are more than an entry can hold', judged.quantity, judged.unit_price)
            WHEN 'no_price' THEN format('the price book has no price of %%s at that time', judged.sku)
            WHEN 'unknown_sku' THEN format('the price book does not know the sku %%s', judged.sku)
        END
    FROM judged
    LEFT JOIN posted ON judged.usage_id = posted.usage_id
    WHERE usage.usage_id = judged.usage_id
)

SELECT
    count(*)::integer AS seen,
    count(*) FILTER (WHERE judged.verdict = 'good')::integer AS posted,
    count(*) FILTER (WHERE judged.verdict = 'duplicate')::integer AS reversed,
    count(*) FILTER (WHERE judged.verdict NOT IN ('good', 'duplicate'))::integer AS quarantined
FROM judged
