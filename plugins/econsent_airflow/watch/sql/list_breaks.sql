-- DAG files that do not import, and those that did not in the last days, for the rule.
SELECT file, dag_ids, broke_at, mended_at, sentence FROM econsent.dag_breaks WHERE mended_at IS NULL OR mended_at > now() - interval '8 days'
