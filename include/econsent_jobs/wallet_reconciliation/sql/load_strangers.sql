-- Wallets whose own drift is the counterpart of ours, now or as it was repaired within a day, with the entry that they lack.
WITH counterparts AS (
    SELECT wallet.company_id
    FROM econsent.wallets AS wallet
    INNER JOIN econsent.wallet_ledger AS head ON wallet.company_id = head.company_id AND wallet.last_entry_no = head.entry_no
    WHERE wallet.balance - head.balance_after = -%(drift)s
    UNION
    SELECT done.company_id
    FROM econsent.wallet_reconciliations AS done
    WHERE done.drift = -%(drift)s AND done.created_at > %(moment)s - interval '1 day'
)

SELECT
    entry.company_id,
    entry.ledger_id,
    entry.amount
FROM counterparts
INNER JOIN econsent.wallet_ledger AS entry ON counterparts.company_id = entry.company_id
WHERE
    entry.company_id <> %(company_id)s
    AND entry.amount = %(drift)s
ORDER BY entry.ledger_id DESC
LIMIT %(most)s
