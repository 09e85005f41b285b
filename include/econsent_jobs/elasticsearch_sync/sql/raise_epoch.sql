-- The index is newer than the database ever was, as after a restore: from now on everything that is written counts as newer still.
UPDATE econsent.search_targets AS target
SET version_epoch = greatest(target.version_epoch, %(version_epoch)s)
WHERE target.index_name = %(index_name)s
