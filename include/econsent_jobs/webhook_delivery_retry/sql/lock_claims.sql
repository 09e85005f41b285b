-- One claim at a time: two lanes that each count an endpoint's places would give out too many.
SELECT pg_advisory_xact_lock(7305804402464123507)
