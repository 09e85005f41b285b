-- What each balance has to be: the checkpoint and the entries after it. The last running balance must say the same.
WITH added AS (
    SELECT
        entry.company_id,
        sum(entry.amount) AS amount,
        max(entry.entry_no) AS entry_no
    FROM econsent.wallet_ledger AS entry
    INNER JOIN econsent.wallets AS checked ON entry.company_id = checked.company_id
    WHERE
        entry.company_id = any(%(company_ids)s)
        AND entry.entry_no > checked.checkpoint_entry_no
    GROUP BY entry.company_id
)

SELECT
    wallet.company_id,
    wallet.checkpoint_balance + coalesce(added.amount, 0) AS expected,
    coalesce(added.entry_no, wallet.checkpoint_entry_no) AS entry_no,
    last_entry.balance_after
FROM econsent.wallets AS wallet
LEFT JOIN added ON wallet.company_id = added.company_id
LEFT JOIN econsent.wallet_ledger AS last_entry
    ON
        wallet.company_id = last_entry.company_id
        AND last_entry.entry_no = coalesce(added.entry_no, wallet.checkpoint_entry_no)
WHERE wallet.company_id = any(%(company_ids)s)
