-- The unbilled units of a month in the order in which they were retained, cut where the price list changed.
WITH numbered AS (
    SELECT
        item.retained_at,
        row_number() OVER (ORDER BY item.retained_at, item.session_id) - 1 - %(quota)s AS unit
    FROM econsent.retention_usage_items AS item
    WHERE
        item.company_id = %(company_id)s
        AND item.period = %(period)s
),

listed AS (
    SELECT
        numbered.unit,
        numbered.retained_at,
        (
            SELECT
                count(*) FILTER (WHERE price.effective_from <= numbered.retained_at)
                + count(*) FILTER (WHERE price.effective_to <= numbered.retained_at)
            FROM econsent.price_book AS price
            WHERE price.sku = 'retention_overage'
        ) AS list_no
    FROM numbered
    WHERE numbered.unit >= %(billed)s
    ORDER BY numbered.unit
    LIMIT %(most)s
)

SELECT
    min(listed.unit)::integer AS first,
    count(*)::integer AS count,
    min(listed.retained_at) AS occurred_at
FROM listed
GROUP BY listed.list_no
ORDER BY min(listed.unit)
