-- How many leaves the log has, and how many the last root stands for.
SELECT
    log.leaves,
    coalesce((SELECT max(root.leaves) FROM econsent.tombstone_roots AS root), 0) AS rooted
FROM econsent.tombstone_log AS log
