-- One claim at a time: two lanes that each count a company's conversions in hand would take too many.
SELECT pg_advisory_xact_lock(7305804402464123517)
