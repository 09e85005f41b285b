-- One at a time changes which indices there are; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(7305804402464123601)
