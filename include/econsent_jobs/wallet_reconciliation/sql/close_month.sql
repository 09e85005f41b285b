-- From here on no entry is booked in this month or an earlier one.
INSERT INTO econsent.wallet_periods (company_id, period, closed_at, closed_by, opening_balance, closing_balance, last_entry_no)
SELECT
    wallet.company_id,
    %(period)s,
    %(moment)s,
    %(closed_by)s,
    %(opening)s,
    %(closing)s,
    wallet.last_entry_no
FROM econsent.wallets AS wallet
WHERE wallet.company_id = %(company_id)s
