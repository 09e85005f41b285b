-- A DAG file imports again.
UPDATE econsent.dag_breaks SET mended_at = now() WHERE file = %(file)s AND mended_at IS NULL RETURNING broke_at
