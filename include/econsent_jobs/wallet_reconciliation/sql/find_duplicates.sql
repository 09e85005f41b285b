-- Of two charges for one request among the entries since the checkpoint, the later one.
SELECT usage.usage_id
FROM econsent.wallet_ledger AS entry
INNER JOIN econsent.usage_events AS usage ON entry.usage_id = usage.usage_id
WHERE
    entry.company_id = %(company_id)s
    AND entry.entry_no > %(after_entry_no)s
    AND entry.entry_type IN ('usage_charge', 'retention_charge')
    AND usage.status = 'posted'
    AND EXISTS (
        SELECT
        FROM econsent.usage_events AS other
        WHERE
            other.company_id = %(company_id)s
            AND other.sku = usage.sku
            AND other.request_id = usage.request_id
            AND other.status = 'posted'
            AND (other.occurred_at, other.usage_id) < (usage.occurred_at, usage.usage_id)
    )
ORDER BY usage.usage_id
LIMIT %(most)s
