-- The end of a turn: the balance is what the entries say, the checkpoint stands at the last of them, and the lease is given back.
UPDATE econsent.wallets AS wallet
SET
    balance = %(expected)s,
    checkpoint_entry_no = %(entry_no)s,
    checkpoint_balance = %(expected)s,
    needs_review_at = CASE WHEN %(needs_review)s THEN coalesce(wallet.needs_review_at, %(moment)s) ELSE wallet.needs_review_at END,
    low_balance_entry_no = %(low_balance_entry_no)s,
    low_balance_notified_no = %(low_balance_notified_no)s,
    low_balance_notified_at = CASE WHEN %(notifies)s THEN %(moment)s ELSE wallet.low_balance_notified_at END,
    last_reconciled_at = %(moment)s,
    last_turn_at = %(moment)s,
    lost_leases = 0,
    lease_token = NULL,
    leased_until = NULL,
    updated_at = %(moment)s
WHERE wallet.company_id = %(company_id)s
