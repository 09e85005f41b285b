-- Segments that are fixed and not stored.
SELECT day, first_seq, last_seq, last_hash, object_key, sha256, retain_until FROM econsent.audit_segments
WHERE stored_at IS NULL ORDER BY day
