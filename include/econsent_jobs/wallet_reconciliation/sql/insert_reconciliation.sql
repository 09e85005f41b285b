-- What one turn found and did.
INSERT INTO econsent.wallet_reconciliations (
    run_id, company_id, opening_balance, expected_balance, drift, closing_balance, charges_posted, reversals_posted, recharges_posted,
    overage_posted, result, error, snapshot, report, report_sha256, created_at
) VALUES (
    %(run_id)s, %(company_id)s, %(opening)s, %(expected)s, %(drift)s, %(closing)s, %(charges)s, %(reversals)s, %(recharges)s,
    %(overage)s, %(result)s, %(error)s, %(snapshot)s, %(report)s, %(report_sha256)s, %(moment)s
) RETURNING reconciliation_id
