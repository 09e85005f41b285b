-- The sum so far, so that the sum under the lock is short.
UPDATE econsent.wallets AS wallet
SET
    checkpoint_entry_no = %(entry_no)s,
    checkpoint_balance = %(expected)s
WHERE
    wallet.company_id = %(company_id)s
    AND wallet.checkpoint_entry_no <= %(entry_no)s
