-- Failures in a row; the last one that is allowed switches auto-recharge off.
UPDATE econsent.wallets AS wallet
SET
    auto_recharge_failures = CASE WHEN %(failed)s THEN wallet.auto_recharge_failures + 1 ELSE 0 END,
    auto_recharge_enabled = wallet.auto_recharge_enabled AND NOT (%(failed)s AND wallet.auto_recharge_failures + 1 >= %(most)s)
WHERE wallet.company_id = %(company_id)s
RETURNING wallet.auto_recharge_enabled, wallet.auto_recharge_failures
