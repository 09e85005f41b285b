-- What is left for the next run: marks whose time has come.
SELECT
    count(*) AS due,
    coalesce(extract(EPOCH FROM %(now)s - min(stored.purge_after)), 0)::bigint AS oldest_seconds
FROM econsent.storage_objects AS stored
WHERE stored.state = 'expired' AND stored.purge_after <= %(now)s AND stored.refusal IS NULL
