-- A day's range of the chain, fixed before the first try to store it.
INSERT INTO econsent.audit_segments (day, first_seq, last_seq, last_hash, object_key, sha256, bytes, retain_until)
VALUES (%(day)s, %(first_seq)s, %(last_seq)s, %(last_hash)s, %(object_key)s, %(sha256)s, %(bytes)s, %(retain_until)s)
ON CONFLICT DO NOTHING
