-- The price list of overage at one moment.
SELECT
    price.tier_from,
    price.unit_price
FROM econsent.price_book AS price
WHERE
    price.sku = 'retention_overage'
    AND price.effective_from <= %(moment)s
    AND (price.effective_to IS NULL OR price.effective_to > %(moment)s)
ORDER BY price.tier_from
