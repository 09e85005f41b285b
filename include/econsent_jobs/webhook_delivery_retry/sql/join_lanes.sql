-- Held by the connection for as long as the lane runs, and gone with it however it ends: so lanes can count each other.
SELECT pg_advisory_lock_shared(730580440, 2)
