-- How long the log says it is.
SELECT log.leaves FROM econsent.tombstone_log AS log
