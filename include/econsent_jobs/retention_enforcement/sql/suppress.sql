-- An opt-out that outlives the erasure: only who has the key can ask whether a number is among these.
INSERT INTO econsent.suppressions (company_id, kind, hmac_sha256, key_id)
SELECT
    %(company_id)s,
    wanted.kind,
    wanted.hmac_sha256,
    %(key_id)s
FROM unnest(%(kinds)s::text[], %(hmacs)s::text[]) AS wanted (kind, hmac_sha256)
ON CONFLICT (company_id, kind, hmac_sha256) DO NOTHING
