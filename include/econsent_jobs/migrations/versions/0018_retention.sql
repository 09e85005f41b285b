-- A mark says by which rule and from when an object may go; what went is a leaf of a log that only grows.
ALTER TABLE econsent.storage_objects
ADD COLUMN mark_rule text,
ADD COLUMN marked_by text,  -- the step
ADD COLUMN purge_after timestamptz,  -- marked: not before this
ADD COLUMN guarded boolean NOT NULL DEFAULT FALSE,  -- its deletion counts towards the mass-delete guard
ADD COLUMN erasure_asked_at timestamptz,  -- a consumer, or the company that closes, asked
ADD COLUMN held_at timestamptz,  -- since when the archive itself holds this version
ADD COLUMN refusal text;  -- why it was not deleted the last time

CREATE INDEX storage_objects_marked ON econsent.storage_objects (company_id, purge_after) WHERE state = 'expired';

CREATE INDEX storage_objects_unlocked ON econsent.storage_objects (company_id, retain_until) WHERE state = 'stored' AND backend = 's3';

CREATE INDEX storage_objects_of_session ON econsent.storage_objects (company_id, session_id);

CREATE INDEX storage_objects_of_certificate ON econsent.storage_objects (company_id, certificate_pk);

CREATE INDEX storage_objects_deleted ON econsent.storage_objects (company_id, deleted_at) WHERE state = 'deleted';

CREATE INDEX storage_objects_by_key ON econsent.storage_objects (bucket, object_key COLLATE "C") WHERE state <> 'deleted';

CREATE INDEX ON econsent.legal_holds (company_id) WHERE released_at IS NULL;

CREATE INDEX ON econsent.tombstones (company_id, deleted_at);

CREATE INDEX ON econsent.tombstones (object_key);

CREATE INDEX ON econsent.webhook_events (company_id, subject_id);

CREATE INDEX ON econsent.claim_tokens (company_id, certificate_pk) WHERE status = 'claimed';

CREATE INDEX ON econsent.claim_tokens (company_id, expires_at) WHERE status = 'open';

CREATE TABLE econsent.tombstone_log (  -- one row: whoever appends holds it
    one boolean PRIMARY KEY DEFAULT TRUE CHECK (one),
    leaves bigint NOT NULL DEFAULT 0 CHECK (leaves >= 0)
);

INSERT INTO econsent.tombstone_log DEFAULT VALUES;

CREATE TABLE econsent.tombstone_chunks (  -- the common hash of 256 leaves, so that a root reads few rows
    chunk_no bigint PRIMARY KEY CHECK (chunk_no >= 0),
    sha256 char(64) NOT NULL
);

CREATE TRIGGER tombstone_chunks_append_only BEFORE UPDATE OR DELETE ON econsent.tombstone_chunks
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER tombstone_chunks_no_truncate BEFORE TRUNCATE ON econsent.tombstone_chunks
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();

-- The exact bytes are committed before they are sent, as for every archive write; version_id follows when they are stored.
CREATE TABLE econsent.tombstone_roots (
    leaves bigint PRIMARY KEY CHECK (leaves > 0),
    root_sha256 char(64) NOT NULL,
    run_id text NOT NULL,
    made_at timestamptz NOT NULL,
    object_key text NOT NULL UNIQUE, document bytea NOT NULL, document_sha256 char(64) NOT NULL,
    retain_until timestamptz NOT NULL,
    bucket text, version_id text
);

CREATE TABLE econsent.destruction_certificates (
    company_id text NOT NULL REFERENCES econsent.companies,
    month date NOT NULL CHECK (extract(DAY FROM month) = 1),
    leaves bigint NOT NULL REFERENCES econsent.tombstone_roots,
    made_at timestamptz NOT NULL,
    object_key text NOT NULL UNIQUE, document bytea NOT NULL, document_sha256 char(64) NOT NULL,
    retain_until timestamptz NOT NULL,
    bucket text, version_id text,
    PRIMARY KEY (company_id, month)
);

CREATE TABLE econsent.mass_deletions (  -- what the guard refused on one day, and what a second person said
    company_id text NOT NULL REFERENCES econsent.companies,
    day date NOT NULL,
    run_id text NOT NULL,
    selected integer NOT NULL, gone_today integer NOT NULL, whole integer NOT NULL,
    sentence text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    decision text CHECK (decision IN ('approved', 'refused')),
    decided_by text, decided_at timestamptz,
    PRIMARY KEY (company_id, day),
    CHECK (num_nulls(decision, decided_by, decided_at) IN (0, 3))
);

-- Auto-retention, by the policy at this moment. Whoever changes the status writes the one unit of usage, so that none is counted twice.
CREATE FUNCTION econsent.retain_automatically(company_id text, session_ids text[]) RETURNS SETOF text LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH retained AS (
    UPDATE econsent.sessions AS session
    SET
        retention_status = 'retained',
        retention_source = 'auto',
        retained_at = now(),
        rrweb_to_video_status = 'pending',
        updated_at = now()
    FROM econsent.retention_settings AS settings
    WHERE
        session.company_id = retain_automatically.company_id
        AND session.session_id = any(retain_automatically.session_ids)
        AND session.retention_status = 'unretained'
        AND session.closed_at IS NOT NULL
        AND settings.company_id = retain_automatically.company_id
        AND settings.auto_retention_enabled
    RETURNING session.company_id, session.session_id, session.retained_at
  )
  INSERT INTO econsent.retention_usage_items AS item (company_id, session_id, period, retained_at)
  SELECT
      retained.company_id,
      retained.session_id,
      date_trunc('month', retained.retained_at AT TIME ZONE 'UTC')::date,
      retained.retained_at
  FROM retained
  RETURNING item.session_id;
END $$;

-- Who deletes may not release a hold by itself: these two doors are all that it has, and a release takes two people.
CREATE FUNCTION econsent.place_hold(company_id text, scope text, scope_value text, reason text, placed_by text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO econsent.legal_holds (company_id, scope, scope_value, reason, placed_by)
  VALUES (place_hold.company_id, place_hold.scope, place_hold.scope_value, place_hold.reason, place_hold.placed_by)
  RETURNING hold_id
$$;

-- Says what happened: asked (the first person), released (a second one), same (the first one again), or nothing (no such hold in force).
CREATE FUNCTION econsent.release_hold(hold_id bigint, released_by text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
  hold econsent.legal_holds;
BEGIN
  SELECT * INTO hold FROM econsent.legal_holds AS h WHERE h.hold_id = release_hold.hold_id AND h.released_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'nothing';
  ELSIF hold.released_by IS NULL THEN
    UPDATE econsent.legal_holds AS h SET released_by = release_hold.released_by WHERE h.hold_id = release_hold.hold_id;
    RETURN 'asked';
  ELSIF hold.released_by = release_hold.released_by THEN
    RETURN 'same';
  END IF;
  UPDATE econsent.legal_holds AS h
  SET release_confirmed_by = release_hold.released_by, released_at = now()
  WHERE h.hold_id = release_hold.hold_id;
  RETURN 'released';
END $$;

REVOKE ALL ON FUNCTION econsent.place_hold(text, text, text, text, text), econsent.release_hold(bigint, text) FROM public;
GRANT EXECUTE ON FUNCTION econsent.place_hold(text, text, text, text, text), econsent.release_hold(bigint, text)
TO econsent_retention_enforcement;

REVOKE ALL ON FUNCTION econsent.retain_automatically(text, text[]) FROM public;
GRANT EXECUTE ON FUNCTION econsent.retain_automatically(text, text[]) TO econsent_certificate_processing, econsent_retention_enforcement;

-- retention_enforcement: what its statements need beyond revision 0010.
GRANT EXECUTE ON FUNCTION econsent.drop_delivered_bodies(interval, integer) TO econsent_retention_enforcement;
GRANT UPDATE (mark_rule, marked_by, purge_after, guarded, erasure_asked_at, held_at, refusal)
ON econsent.storage_objects TO econsent_retention_enforcement;
GRANT SELECT, UPDATE (leaves) ON econsent.tombstone_log TO econsent_retention_enforcement;
GRANT SELECT, INSERT ON econsent.tombstone_chunks TO econsent_retention_enforcement;
GRANT SELECT, INSERT, UPDATE (bucket, version_id) ON econsent.tombstone_roots, econsent.destruction_certificates
TO econsent_retention_enforcement;
GRANT SELECT, INSERT, UPDATE (run_id, selected, gone_today, whole, sentence, decision, decided_by, decided_at)
ON econsent.mass_deletions TO econsent_retention_enforcement;
GRANT SELECT ON econsent.price_book TO econsent_retention_enforcement;

GRANT SELECT ON
econsent.tombstone_log, econsent.tombstone_chunks, econsent.tombstone_roots, econsent.destruction_certificates, econsent.mass_deletions
TO econsent_verify, econsent_platform;
GRANT SELECT ON econsent.mass_deletions, econsent.tombstone_roots TO econsent_dashboard;
