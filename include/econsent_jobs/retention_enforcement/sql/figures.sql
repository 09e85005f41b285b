-- The dashboard's row: backlog, age of its oldest item in seconds, and the job's own figure with its label.
SELECT
    count(*) FILTER (WHERE stored.purge_after <= now()) AS backlog,
    extract(EPOCH FROM now() - min(stored.purge_after) FILTER (WHERE stored.purge_after <= now())) AS oldest_seconds,
    'objects that the archive refused to delete' AS figure_label,
    count(*) FILTER (WHERE stored.refusal IS NOT NULL) AS figure
FROM econsent.storage_objects AS stored
WHERE stored.state = 'expired'
