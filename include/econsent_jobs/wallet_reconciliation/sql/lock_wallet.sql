-- The lock under which entries are numbered. It keeps other posters out, and no foreign key's check waits for it.
SELECT
    wallet.company_id,
    wallet.balance,
    wallet.low_balance_threshold,
    wallet.low_balance_entry_no,
    wallet.low_balance_notified_no,
    wallet.auto_recharge_enabled,
    wallet.auto_recharge_threshold,
    wallet.auto_recharge_amount,
    wallet.auto_recharge_failures,
    wallet.last_entry_no,
    wallet.checkpoint_entry_no,
    wallet.checkpoint_balance
FROM econsent.wallets AS wallet
WHERE wallet.company_id = %(company_id)s
FOR NO KEY UPDATE
