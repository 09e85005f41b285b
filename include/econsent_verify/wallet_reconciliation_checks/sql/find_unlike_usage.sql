-- The other way round: what a usage row says of itself must be in the ledger.
WITH told AS (
    SELECT
        used.company_id,
        used.usage_id,
        used.status,
        CASE used.status
            WHEN 'posted' THEN CASE WHEN used.ledger_id IS NULL THEN 'no charge, as its price is 0' ELSE 'one charge, not reversed' END
            WHEN 'reversed' THEN CASE WHEN used.ledger_id IS NULL THEN 'no charge, as another one is for it' ELSE 'one charge, reversed' END
            WHEN 'voided' THEN CASE WHEN used.ledger_id IS NULL THEN 'no charge' ELSE 'one charge, not reversed' END
            WHEN 'quarantined' THEN 'no charge, and why'
            ELSE 'no charge'
        END AS expected,
        CASE
            WHEN entry.ledger_id IS NOT NULL AND coalesce(used.ledger_id, 0) <> entry.ledger_id THEN 'a charge that it does not name'
            WHEN entry.ledger_id IS NULL AND used.ledger_id IS NOT NULL THEN 'a charge that is not there'
            WHEN entry.ledger_id IS NOT NULL AND reversal.ledger_id IS NULL THEN 'one charge, not reversed'
            WHEN entry.ledger_id IS NOT NULL THEN 'one charge, reversed'
            WHEN used.status = 'quarantined' AND used.error_class <> '' AND used.last_error <> '' THEN 'no charge, and why'
            WHEN used.status = 'posted' AND price.unit_price = 0 THEN 'no charge, as its price is 0'
            WHEN used.status = 'reversed' AND twin.usage_id IS NOT NULL THEN 'no charge, as another one is for it'
            ELSE 'no charge'
        END AS found
    FROM econsent.usage_events AS used
    LEFT JOIN econsent.wallet_ledger AS entry
        ON used.usage_id = entry.usage_id AND entry.entry_type IN ('usage_charge', 'retention_charge')
    LEFT JOIN econsent.wallet_ledger AS reversal ON entry.ledger_id = reversal.reverses_ledger_id
    LEFT JOIN econsent.price_book AS price
        ON
            used.ledger_id IS NULL AND used.sku = price.sku AND price.tier_from = 0
            AND used.occurred_at >= price.effective_from
            AND (price.effective_to IS NULL OR used.occurred_at < price.effective_to)
    LEFT JOIN LATERAL (
        SELECT other.usage_id
        FROM econsent.usage_events AS other
        WHERE
            used.status = 'reversed' AND used.ledger_id IS NULL
            AND other.company_id = used.company_id
            AND other.sku = used.sku
            AND other.request_id = used.request_id
            AND other.usage_id <> used.usage_id
        ORDER BY other.usage_id
        LIMIT 1
    ) AS twin ON TRUE
    WHERE (%(company_id)s::text IS NULL OR used.company_id = %(company_id)s)
)

SELECT
    told.company_id,
    'usage ' || told.usage_id AS subject,
    'usage' AS trouble,
    told.status AS what,
    told.expected,
    told.found
FROM told
WHERE told.expected <> told.found
ORDER BY told.company_id, told.usage_id
LIMIT %(most)s
