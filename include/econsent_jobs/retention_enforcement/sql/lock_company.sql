-- One batch of a company at a time, and whoever places a hold waits here for the batch in flight. The lock goes with the transaction.
SELECT pg_try_advisory_xact_lock(hashtextextended('retention:' || %(company_id)s, 0)) AS taken
