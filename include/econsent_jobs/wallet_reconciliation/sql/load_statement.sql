-- The entries of one month, in the order of the ledger.
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
    entry.memo
FROM econsent.wallet_ledger AS entry
WHERE
    entry.company_id = %(company_id)s
    AND entry.period = %(period)s
ORDER BY entry.entry_no
