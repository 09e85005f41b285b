-- How a balance came to be: what each month and kind of entry added up to, as the ledger stood at a moment.
SELECT
    entry.period,
    entry.entry_type,
    count(*)::integer AS entries,
    sum(entry.amount) AS amount
FROM econsent.wallet_ledger AS entry
WHERE
    entry.company_id = %(company_id)s
    AND entry.created_at <= %(moment)s
GROUP BY entry.period, entry.entry_type
ORDER BY entry.period, entry.entry_type
