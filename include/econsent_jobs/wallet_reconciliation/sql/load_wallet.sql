-- A look without a lock, for what is decided again under it.
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
