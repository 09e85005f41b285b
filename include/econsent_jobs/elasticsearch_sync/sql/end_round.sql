-- The whole index was proven; the next round begins at the first company. A round without any certificate began now.
UPDATE econsent.search_targets AS target
SET
    checked_through = NULL,
    check_round = target.check_round + 1,
    check_round_started_at = NULL,
    proven_from = coalesce(target.check_round_started_at, now()),
    last_reconciled_at = now()
WHERE target.index_name = %(index_name)s
