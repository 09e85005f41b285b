-- Entries that can explain a drift: the newest ones, those of its amount, and the one after which the cache may have stood still.
SELECT
    entry.ledger_id,
    entry.entry_no,
    entry.entry_type,
    entry.amount,
    entry.balance_after,
    entry.idempotency_key,
    entry.period,
    entry.occurred_at,
    entry.created_at,
    entry.usage_id,
    entry.payment_id,
    entry.reverses_ledger_id,
    entry.sku,
    entry.quantity,
    entry.unit_price,
    entry.memo,
    usage.quoted_amount AS quoted
FROM econsent.wallet_ledger AS entry
LEFT JOIN econsent.usage_events AS usage ON entry.usage_id = usage.usage_id
WHERE
    entry.company_id = %(company_id)s
    AND (
        entry.entry_no > %(last_entry_no)s - %(most)s
        OR entry.amount = %(drift)s
        OR entry.amount = -%(drift)s
        OR entry.balance_after = %(balance)s
    )
ORDER BY entry.entry_no DESC
LIMIT 3 * %(most)s
