-- Usage that somebody may have taken off the cached balance before it was posted.
SELECT
    usage.usage_id,
    -usage.quantity * price.unit_price AS amount
FROM econsent.usage_events AS usage
INNER JOIN econsent.price_book AS price
    ON
        usage.sku = price.sku
        AND price.tier_from = 0
        AND usage.occurred_at >= price.effective_from
        AND (price.effective_to IS NULL OR usage.occurred_at < price.effective_to)
WHERE
    usage.company_id = %(company_id)s
    AND usage.status = 'unposted'
ORDER BY usage.usage_id
LIMIT %(most)s
