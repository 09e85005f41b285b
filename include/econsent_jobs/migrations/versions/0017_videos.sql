-- Videos are made one company after the other, each says what it could not show, and a recording that comes wakes a run.
SET LOCAL ROLE econsent_migrator;

ALTER TABLE econsent.video_conversions
ADD COLUMN frames integer,  -- of the 10 fps grid, the first and the last one counted
ADD COLUMN dropped_events integer,  -- of the recording: no rrweb events, or not replayable ones
ADD COLUMN blocked_requests integer;  -- what the page would have fetched, and what is therefore missing from the video

-- When each company had its last turn: the one that waits longest for one is next, however much the others have queued.
CREATE TABLE econsent.video_turns (
    company_id text PRIMARY KEY REFERENCES econsent.companies,
    served_at timestamptz NOT NULL
);

CREATE INDEX video_conversions_open ON econsent.video_conversions (company_id, priority DESC, queued_at)
WHERE status IN ('pending', 'processing');

CREATE INDEX ON econsent.video_conversions (finished_at) WHERE status = 'failed';

-- A session that is retained again after its conversion failed begins anew: what went wrong before is no longer true of it.
CREATE OR REPLACE FUNCTION econsent.sessions_enqueue_video() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO econsent.video_conversions AS v (company_id, session_id) VALUES (NEW.company_id, NEW.session_id)
  ON CONFLICT (company_id, session_id) DO UPDATE
  SET
    status = 'pending', attempts = 0, lost_leases = 0, queued_at = now(), next_attempt_at = now(), finished_at = NULL,
    error_class = NULL, last_error = NULL
  WHERE v.status = 'failed';
  PERFORM pg_notify('video_conversions', '');  -- equal notifications of one transaction collapse into one
  RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION econsent.sessions_enqueue_video() FROM public;

GRANT SELECT, INSERT, UPDATE ON econsent.video_turns TO econsent_mp4_conversion;
GRANT UPDATE (queued_at, frames, dropped_events, blocked_requests) ON econsent.video_conversions TO econsent_mp4_conversion;
GRANT SELECT ON econsent.video_turns TO econsent_verify;
