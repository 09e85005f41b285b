-- The connection may live on after the run.
SELECT pg_advisory_unlock_shared(730580440, 2)
