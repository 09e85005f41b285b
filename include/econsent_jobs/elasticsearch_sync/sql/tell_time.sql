-- Only the database's clock counts: workers' clocks differ.
SELECT floor(extract(EPOCH FROM clock_timestamp()) * 1000)::bigint AS now_ms
