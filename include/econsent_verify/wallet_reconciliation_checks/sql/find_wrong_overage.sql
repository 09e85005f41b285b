-- Overage is billed unit by unit: a month's charges cover its units from the first on without gap or overlap, each at its tier's price.
WITH named AS (
    SELECT
        entry.company_id,
        entry.entry_no,
        entry.idempotency_key,
        entry.sku,
        entry.quantity,
        entry.unit_price,
        entry.amount,
        entry.occurred_at,
        CASE
            WHEN starts_with(entry.idempotency_key, 'overage:' || entry.company_id || ':')
                THEN regexp_match(
                    substr(entry.idempotency_key, length('overage:' || entry.company_id || ':') + 1),
                    '^(\d{4}-\d\d-01):(\d{1,12})-(\d{1,12})$'
                )
        END AS parts
    FROM econsent.wallet_ledger AS entry
    WHERE
        (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
        AND entry.entry_type = 'overage_charge'
),

charges AS (
    SELECT
        named.*,
        named.parts[1]::date AS month,
        named.parts[2]::bigint AS first_unit,
        named.parts[3]::bigint AS last_unit
    FROM named
),

ordered AS (
    SELECT
        charges.*,
        1 + lag(charges.last_unit, 1, -1::bigint)
            OVER (PARTITION BY charges.company_id, charges.month ORDER BY charges.first_unit, charges.entry_no) AS next_unit,
        price.unit_price AS book_price
    FROM charges
    LEFT JOIN LATERAL (
        SELECT book.unit_price
        FROM econsent.price_book AS book
        WHERE
            book.sku = 'retention_overage' AND book.tier_from <= charges.first_unit
            AND charges.occurred_at >= book.effective_from AND (book.effective_to IS NULL OR charges.occurred_at < book.effective_to)
        ORDER BY book.tier_from DESC
        LIMIT 1
    ) AS price ON TRUE
),

charged AS (
    SELECT
        charges.company_id,
        charges.month,
        sum(charges.quantity) AS units
    FROM charges
    GROUP BY charges.company_id, charges.month
),

retained AS (
    SELECT
        item.company_id,
        item.period,
        count(*) AS units
    FROM econsent.retention_usage_items AS item
    GROUP BY item.company_id, item.period
),

counted AS (
    SELECT
        used.company_id,
        used.period,
        used.overage_billed,
        coalesce(charged.units, 0) AS charged,
        greatest(coalesce(retained.units, 0) - coalesce(used.monthly_quota, 0), 0) AS retained
    FROM econsent.retention_usage AS used
    LEFT JOIN charged ON used.company_id = charged.company_id AND used.period = charged.month
    LEFT JOIN retained ON used.company_id = retained.company_id AND used.period = retained.period
    WHERE (%(company_id)s::text IS NULL OR used.company_id = %(company_id)s)
),

judged AS (
    SELECT
        ordered.company_id,
        'entry ' || ordered.entry_no AS subject,
        told.what,
        told.expected,
        told.found
    FROM ordered
    CROSS JOIN
        LATERAL (
            VALUES
            (
                'idempotency_key',
                'overage:COMPANY:MONTH:FIRST-LAST',
                CASE WHEN ordered.month IS NULL THEN ordered.idempotency_key ELSE 'overage:COMPANY:MONTH:FIRST-LAST' END
            ),
            ('first unit', ordered.next_unit::text, coalesce(ordered.first_unit, ordered.next_unit)::text),
            ('sku', 'retention_overage', ordered.sku),
            ('quantity', (ordered.last_unit - ordered.first_unit + 1)::text, ordered.quantity::text),
            ('unit_price', ordered.book_price::text, ordered.unit_price::text),
            ('amount', (-(ordered.quantity * ordered.unit_price)::numeric(14, 4))::text, ordered.amount::text)
        ) AS told (what, expected, found)
    UNION ALL
    SELECT
        counted.company_id,
        'overage of ' || counted.period AS subject,
        'overage_billed' AS what,
        counted.charged || ' charged' AS expected,
        counted.overage_billed || ' charged' AS found
    FROM counted
    UNION ALL
    SELECT
        counted.company_id,
        'overage of ' || counted.period AS subject,
        'units' AS what,
        'at most ' || counted.retained AS expected,
        CASE WHEN counted.charged > counted.retained THEN counted.charged::text ELSE 'at most ' || counted.retained END AS found
    FROM counted
    UNION ALL
    SELECT
        charges.company_id,
        'overage of ' || charges.month AS subject,
        'retention_usage' AS what,
        'a row' AS expected,
        'none' AS found
    FROM charges
    LEFT JOIN counted ON charges.company_id = counted.company_id AND charges.month = counted.period
    WHERE counted.company_id IS NULL AND charges.month IS NOT NULL
)

SELECT
    judged.company_id,
    judged.subject,
    'overage' AS trouble,
    judged.what,
    coalesce(judged.expected, 'nothing') AS expected,
    coalesce(judged.found, 'nothing') AS found
FROM judged
WHERE judged.expected IS DISTINCT FROM judged.found
ORDER BY judged.company_id, judged.subject, judged.what
LIMIT %(most)s
