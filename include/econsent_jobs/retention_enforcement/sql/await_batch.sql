-- Wait for the company's batch in flight. A lock time-out ends the wait.
SELECT pg_advisory_xact_lock(hashtextextended('retention:' || %(company_id)s, 0))
