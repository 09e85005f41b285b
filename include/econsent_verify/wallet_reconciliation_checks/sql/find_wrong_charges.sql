-- Every charge has its usage row, of the same company, and says what the price book says of the moment at which it happened.
WITH priced AS (
    SELECT
        entry.company_id,
        entry.entry_no,
        entry.ledger_id,
        entry.entry_type,
        entry.idempotency_key,
        entry.usage_id,
        entry.sku,
        entry.quantity,
        entry.unit_price,
        entry.amount,
        entry.occurred_at,
        used.company_id AS usage_company,
        used.occurred_at AS used_at,
        used.sku AS usage_sku,
        used.quantity AS usage_quantity,
        used.status AS usage_status,
        used.ledger_id AS usage_ledger,
        price.unit_price AS book_price,
        CASE used.sku WHEN 'session_retention' THEN 'retention_charge' ELSE 'usage_charge' END AS fitting_type
    FROM econsent.wallet_ledger AS entry
    LEFT JOIN econsent.usage_events AS used ON entry.usage_id = used.usage_id
    LEFT JOIN econsent.price_book AS price
        ON
            used.sku = price.sku AND price.tier_from = 0
            AND used.occurred_at >= price.effective_from
            AND (price.effective_to IS NULL OR used.occurred_at < price.effective_to)
    WHERE
        (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
        AND (entry.entry_type IN ('usage_charge', 'retention_charge') OR (entry.usage_id IS NOT NULL AND entry.entry_type <> 'reversal'))
),

wrong AS (
    SELECT * FROM priced
    WHERE
        usage_company IS DISTINCT FROM company_id
        OR entry_type <> fitting_type
        OR idempotency_key <> 'usage:' || usage_id
        OR (sku, quantity, unit_price) IS DISTINCT FROM (usage_sku, usage_quantity, book_price)
        OR amount IS DISTINCT FROM -(quantity * unit_price)::numeric(14, 4)
        OR occurred_at IS DISTINCT FROM used_at
        OR usage_ledger IS DISTINCT FROM ledger_id
        OR usage_status NOT IN ('posted', 'voided', 'reversed')
    ORDER BY company_id, entry_no
    LIMIT %(most)s
)

SELECT
    wrong.company_id,
    'entry ' || wrong.entry_no AS subject,
    told.trouble,
    told.what,
    coalesce(told.expected, 'nothing') AS expected,
    coalesce(told.found, 'nothing') AS found
FROM wrong
CROSS JOIN
    LATERAL (
        VALUES
        ('cause', 'usage_id', 'a usage of ' || wrong.company_id, coalesce('a usage of ' || wrong.usage_company, 'none')),
        ('cause', 'entry_type', wrong.fitting_type, wrong.entry_type),
        ('cause', 'idempotency_key', 'usage:' || wrong.usage_id, wrong.idempotency_key),
        ('cause', 'sku', wrong.usage_sku, wrong.sku),
        ('cause', 'quantity', wrong.usage_quantity::text, wrong.quantity::text),
        ('price', 'unit_price', wrong.book_price::text, wrong.unit_price::text),
        ('price', 'amount', (-(wrong.quantity * wrong.unit_price)::numeric(14, 4))::text, wrong.amount::text),
        ('cause', 'occurred_at', wrong.used_at::text, wrong.occurred_at::text),
        ('cause', 'usage_events.ledger_id', wrong.ledger_id::text, wrong.usage_ledger::text),
        (
            'cause',
            'usage_events.status',
            CASE WHEN wrong.usage_status IN ('posted', 'voided', 'reversed') THEN wrong.usage_status ELSE 'posted' END,
            wrong.usage_status
        )
    ) AS told (trouble, what, expected, found)
WHERE told.expected IS DISTINCT FROM told.found
ORDER BY wrong.company_id, wrong.entry_no, told.what
