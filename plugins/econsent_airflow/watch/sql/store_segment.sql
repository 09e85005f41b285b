-- The segment lies in S3 under this version.
UPDATE econsent.audit_segments SET version_id = %(version_id)s, stored_at = now() WHERE day = %(day)s
