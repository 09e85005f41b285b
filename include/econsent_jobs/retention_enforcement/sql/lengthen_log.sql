-- The log's length goes with its leaves.
UPDATE econsent.tombstone_log AS log
SET leaves = %(leaves)s
WHERE log.one
