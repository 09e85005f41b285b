-- The proof of this index begins at the first company.
UPDATE econsent.search_targets AS target
SET checked_through = NULL, check_round_started_at = NULL
WHERE target.index_name = %(index_name)s
