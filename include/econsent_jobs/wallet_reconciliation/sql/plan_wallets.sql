-- What a run would find, company by company; nothing is locked or written.
SELECT
    wallet.company_id,
    wallet.balance,
    wallet.balance - coalesce(head.balance_after, 0) AS drift,
    used.charges,
    used.amount,
    used.without_price,
    (
        SELECT count(*)
        FROM econsent.usage_events AS taken_back
        WHERE taken_back.company_id = wallet.company_id AND taken_back.status = 'voided' AND taken_back.ledger_id IS NOT NULL
    )::integer AS reversals,
    (
        SELECT count(*)
        FROM econsent.payments AS payment
        WHERE
            payment.company_id = wallet.company_id
            AND payment.ledger_id IS NULL
            AND payment.status IN ('succeeded', 'refunded', 'disputed')
    )::integer AS payments,
    (
        SELECT count(*)
        FROM econsent.payments AS payment
        WHERE payment.company_id = wallet.company_id AND payment.status = 'pending'
    )::integer AS open_payments,
    (
        SELECT count(*)
        FROM econsent.payment_refunds AS refund
        INNER JOIN econsent.payments AS payment ON refund.payment_id = payment.payment_id
        WHERE payment.company_id = wallet.company_id AND refund.ledger_id IS NULL
    )::integer AS refunds,
    (
        SELECT coalesce(sum(greatest(0, months.retained - months.quota - months.billed)), 0)
        FROM (
            SELECT
                count(*) AS retained,
                coalesce(kept.monthly_quota, settings.monthly_quota) AS quota,
                coalesce(kept.overage_billed, 0) AS billed
            FROM econsent.retention_usage_items AS item
            INNER JOIN econsent.retention_settings AS settings ON item.company_id = settings.company_id
            LEFT JOIN econsent.retention_usage AS kept ON item.company_id = kept.company_id AND item.period = kept.period
            WHERE item.company_id = wallet.company_id
            GROUP BY item.period, kept.monthly_quota, settings.monthly_quota, kept.overage_billed
        ) AS months
    )::integer AS overage_units
FROM econsent.wallets AS wallet
LEFT JOIN econsent.wallet_ledger AS head ON wallet.company_id = head.company_id AND wallet.last_entry_no = head.entry_no
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE price.unit_price IS NOT NULL)::integer AS charges,
        coalesce(sum(usage.quantity * price.unit_price), 0) AS amount,
        count(*) FILTER (WHERE price.unit_price IS NULL)::integer AS without_price
    FROM econsent.usage_events AS usage
    LEFT JOIN econsent.price_book AS price
        ON
            usage.sku = price.sku
            AND price.sku <> 'retention_overage'
            AND price.tier_from = 0
            AND usage.occurred_at >= price.effective_from
            AND (price.effective_to IS NULL OR usage.occurred_at < price.effective_to)
    WHERE
        usage.company_id = wallet.company_id
        AND usage.status = 'unposted'
        AND usage.occurred_at <= %(occurred_until)s
) AS used ON TRUE
WHERE wallet.company_id = coalesce(%(company_id)s::text, wallet.company_id)
ORDER BY wallet.company_id
LIMIT %(most)s
