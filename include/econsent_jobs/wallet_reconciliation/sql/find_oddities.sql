-- Entries of this turn that came late, that landed in another month than their own, or that cost another amount than the caller was told.
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
    AND entry.entry_no > %(after_entry_no)s
    AND (
        entry.occurred_at < %(late_before)s
        OR entry.period <> date_trunc('month', entry.occurred_at AT TIME ZONE 'UTC')::date
        OR (usage.quoted_amount <> -entry.amount AND entry.entry_type IN ('usage_charge', 'retention_charge'))
    )
ORDER BY entry.entry_no
LIMIT %(most)s
