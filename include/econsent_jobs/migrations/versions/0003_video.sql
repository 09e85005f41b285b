-- One conversion a session, wanted by a trigger, so that nobody who retains a session can forget its video.
CREATE TABLE econsent.video_conversions (
    conversion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text NOT NULL,
    session_id text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    priority smallint NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0, lost_leases smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid, leased_until timestamptz, progress_percent smallint,
    source_sha256 char(64), source_events integer,
    promoted_snapshot_index integer,
    width smallint, height smallint, fps smallint, duration_ms integer, truncated boolean NOT NULL DEFAULT FALSE,
    output_bytes bigint, output_sha256 char(64), storage_object_id bigint,
    render_ms integer, encode_ms integer,
    tool_versions jsonb,  -- {rrweb, chromium, ffmpeg}
    error_class text, last_error text,
    UNIQUE (company_id, session_id),
    FOREIGN KEY (company_id, session_id) REFERENCES econsent.sessions
);

CREATE INDEX ON econsent.video_conversions (priority DESC, queued_at) WHERE status = 'pending';

CREATE FUNCTION econsent.sessions_enqueue_video() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO econsent.video_conversions AS v (company_id, session_id) VALUES (NEW.company_id, NEW.session_id)
  ON CONFLICT (company_id, session_id) DO UPDATE SET status = 'pending', attempts = 0, next_attempt_at = now() WHERE v.status = 'failed';
  PERFORM pg_notify('video_conversions', '');  -- equal notifications of one transaction collapse into one
  RETURN NULL;
END $$;

CREATE TRIGGER sessions_enqueue_video AFTER INSERT OR UPDATE OF retention_status, rrweb_to_video_status ON econsent.sessions
FOR EACH ROW WHEN (new.retention_status = 'retained' AND new.rrweb_to_video_status = 'pending')
EXECUTE FUNCTION econsent.sessions_enqueue_video();
