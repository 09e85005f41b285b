-- Whoever appends holds the log's one row, so that numbers have neither gap nor double.
SELECT
    log.leaves,
    date_trunc('milliseconds', clock_timestamp()) AS deleted_at
FROM econsent.tombstone_log AS log
FOR NO KEY UPDATE
