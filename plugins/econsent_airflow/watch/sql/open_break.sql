-- A DAG file stopped importing.
INSERT INTO econsent.dag_breaks (file, dag_ids, broke_at, sentence, stack_trace)
VALUES (%(file)s, %(dag_ids)s, %(broke_at)s, %(sentence)s, %(stack_trace)s)
ON CONFLICT (file) WHERE mended_at IS NULL DO NOTHING
