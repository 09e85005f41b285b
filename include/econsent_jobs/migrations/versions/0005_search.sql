-- One row per document, not per change: the newest wanted version wins, and the age of the oldest change is the lag.
CREATE TABLE econsent.search_outbox (
    company_id text NOT NULL,
    doc_type text NOT NULL DEFAULT 'certificate' CHECK (doc_type IN ('certificate')),
    doc_key text NOT NULL,  -- certificate_pk
    op text NOT NULL CHECK (op IN ('index', 'delete')),
    wanted_version bigint NOT NULL,
    priority smallint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'dead')),
    changed_at timestamptz NOT NULL DEFAULT statement_timestamp(),  -- of the oldest change not yet in the index
    attempts smallint NOT NULL DEFAULT 0, lost_leases smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid, leased_until timestamptz,
    error_class text, last_error text,
    PRIMARY KEY (company_id, doc_type, doc_key)
) WITH (fillfactor = 70);

CREATE INDEX ON econsent.search_outbox (priority DESC, next_attempt_at) WHERE state = 'due';

CREATE INDEX ON econsent.search_outbox (changed_at);

CREATE FUNCTION econsent.certificates_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  NEW.row_version := OLD.row_version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$;

CREATE TRIGGER certificates_touch BEFORE UPDATE ON econsent.certificates
FOR EACH ROW EXECUTE FUNCTION econsent.certificates_touch();

CREATE FUNCTION econsent.want_in_search(company text, key text, operation text, version bigint, urgent boolean)
RETURNS void LANGUAGE sql SET search_path = pg_catalog AS $$
  INSERT INTO econsent.search_outbox AS o (company_id, doc_key, op, wanted_version, priority)
  VALUES (company, key, operation, version, CASE WHEN urgent THEN 10 ELSE 0 END)
  ON CONFLICT (company_id, doc_type, doc_key) DO UPDATE
  SET op = EXCLUDED.op, wanted_version = greatest(o.wanted_version, EXCLUDED.wanted_version),
      priority = greatest(o.priority, EXCLUDED.priority), state = 'due', attempts = 0, next_attempt_at = now()
$$;

CREATE FUNCTION econsent.certificates_outbox() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM econsent.want_in_search(OLD.company_id, OLD.certificate_pk::text, 'delete', OLD.row_version + 1, false);
  ELSIF NEW.status IN ('finalized','expired','deleted') THEN
    PERFORM econsent.want_in_search(NEW.company_id, NEW.certificate_pk::text,
      CASE WHEN NEW.status = 'finalized' THEN 'index' ELSE 'delete' END, NEW.row_version,
      TG_OP = 'UPDATE' AND OLD.opt_out->'revoke' IS DISTINCT FROM NEW.opt_out->'revoke');
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER certificates_outbox AFTER INSERT OR UPDATE OR DELETE ON econsent.certificates
FOR EACH ROW EXECUTE FUNCTION econsent.certificates_outbox();

CREATE FUNCTION econsent.sessions_touch_certificates() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  UPDATE econsent.certificates SET updated_at = now()
  WHERE company_id = NEW.company_id AND session_id = NEW.session_id;
  RETURN NULL;
END $$;

CREATE TRIGGER sessions_touch_certificates AFTER UPDATE OF retention_status, rrweb_to_video_status ON econsent.sessions
FOR EACH ROW WHEN ((old.retention_status, old.rrweb_to_video_status) IS DISTINCT FROM (new.retention_status, new.rrweb_to_video_status))
EXECUTE FUNCTION econsent.sessions_touch_certificates();

CREATE TABLE econsent.search_targets (
    index_name text PRIMARY KEY, schema_version integer NOT NULL, version_epoch smallint NOT NULL DEFAULT 0,
    state text NOT NULL CHECK (state IN ('building', 'live', 'rollback')),
    built_through text, last_reconciled_at timestamptz, drift_found bigint NOT NULL DEFAULT 0, drift_repaired bigint NOT NULL DEFAULT 0
);
