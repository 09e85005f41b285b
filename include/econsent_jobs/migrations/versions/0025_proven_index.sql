-- The last whole round compared everything with the rows as they were at this time or later.
SET LOCAL ROLE econsent_migrator;

ALTER TABLE econsent.search_targets ADD COLUMN proven_from timestamptz;

GRANT SELECT (state, proven_from) ON econsent.search_targets TO econsent_retention_enforcement;
