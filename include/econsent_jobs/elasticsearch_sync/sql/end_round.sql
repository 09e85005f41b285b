-- The whole index was proven; the next round begins at the first company.
UPDATE econsent.search_targets AS target
SET
    checked_through = NULL,
    check_round = target.check_round + 1,
    check_round_started_at = NULL,
    last_reconciled_at = now()
WHERE target.index_name = %(index_name)s
