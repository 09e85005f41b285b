-- The order in which usage is posted, to the last column: the next slice is read and nothing is sorted.
SET LOCAL ROLE econsent_migrator;

CREATE INDEX usage_events_unposted ON econsent.usage_events (company_id, occurred_at, usage_id) WHERE status = 'unposted';

DROP INDEX econsent.usage_events_company_id_occurred_at_idx;

-- A session keeps the plans of this function's statements and of the foreign keys that they check. Made while a table was small, they read
-- all of it, and went on doing so for each slice when it had grown: every lookup here is by a key, and an index is there for each.
ALTER FUNCTION econsent.post_entries(text, econsent.ledger_request[], text, text) SET enable_seqscan = off;
