-- The new index becomes the one that readers search; the one before stays a target, current for a rollback.
UPDATE econsent.search_targets AS target
SET state = CASE WHEN target.index_name = %(index_name)s THEN 'live' ELSE 'rollback' END
WHERE target.index_name = %(index_name)s OR target.state = 'live'
