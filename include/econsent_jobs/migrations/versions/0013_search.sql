-- A round proves the whole index once; a run that was killed goes on where the last one stopped, and the dashboard shows what was found.
ALTER TABLE econsent.search_targets
ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
ADD COLUMN checked_through text,
ADD COLUMN check_round integer NOT NULL DEFAULT 0,
ADD COLUMN check_round_started_at timestamptz,
ADD COLUMN drift_kinds jsonb NOT NULL DEFAULT '{}';

ALTER TABLE econsent.search_outbox ADD CONSTRAINT search_outbox_doc_key_is_a_number CHECK (doc_key ~ '^[0-9]{1,18}$');
