-- An endpoint's circuit, rate and failures are shared by lanes and runs, so they are kept beside it.
ALTER TABLE econsent.webhook_endpoints
ADD COLUMN consecutive_failures integer NOT NULL DEFAULT 0,
ADD COLUMN circuit_opened smallint NOT NULL DEFAULT 0,  -- how many times in a row: the circuit stays open ever longer
ADD COLUMN rate_free_at timestamptz,  -- a schedule of one delivery each 1/max_per_second; in the past: free
ADD CONSTRAINT webhook_endpoints_max_in_flight CHECK (max_in_flight BETWEEN 1 AND 50),
ADD CONSTRAINT webhook_endpoints_max_per_second CHECK (max_per_second > 0);

-- Why the next attempt is when it is: told later exactly as it was decided.
ALTER TABLE econsent.webhook_attempts
ADD COLUMN backoff_seconds integer,
ADD COLUMN jitter_percent smallint,
ADD COLUMN retry_after_seconds integer,
DROP CONSTRAINT webhook_attempts_outcome_check,
ADD CONSTRAINT webhook_attempts_outcome_check CHECK (outcome IN (
    'success', 'success_truncated', 'success_opaque',
    'http_error', 'gone', 'redirect',
    'blocked', 'dns', 'dns_timeout', 'connect', 'connect_timeout',
    'tls', 'tls_name', 'tls_expired', 'tls_untrusted', 'tls_timeout',
    'no_answer', 'slow_body', 'headers_too_large', 'invalid_http', 'reset', 'timeout'
));

-- One condition for due: whatever is open and whose time has come. A delivery in hand has its lease's end as its next time.
DROP INDEX econsent.webhook_deliveries_endpoint_id_next_attempt_at_idx;

CREATE INDEX webhook_deliveries_due ON econsent.webhook_deliveries (endpoint_id, next_attempt_at, delivery_id)
WHERE status IN ('pending', 'retrying', 'delivering');

CREATE INDEX webhook_deliveries_in_hand ON econsent.webhook_deliveries (endpoint_id, leased_until) WHERE status = 'delivering';

-- For a person's questions, and for the review: one company's, one endpoint's, one event's.
CREATE INDEX webhook_deliveries_company ON econsent.webhook_deliveries (company_id, created_at);

CREATE INDEX webhook_deliveries_endpoint ON econsent.webhook_deliveries (endpoint_id, created_at);

CREATE INDEX webhook_endpoints_company ON econsent.webhook_endpoints (company_id);

CREATE INDEX webhook_events_with_body ON econsent.webhook_events (fanned_out_at) WHERE body IS NOT NULL;

-- The bytes that were signed are never others; they may only be dropped.
CREATE FUNCTION econsent.webhook_events_keep_body() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'The body of event % is fixed: it may be dropped, never changed.', OLD.event_id USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER webhook_events_keep_body BEFORE UPDATE OF body ON econsent.webhook_events
FOR EACH ROW WHEN (new.body IS NOT NULL AND new.body IS DISTINCT FROM old.body) EXECUTE FUNCTION econsent.webhook_events_keep_body();

-- Personal data is not kept longer than it is needed: a body goes some time after nothing is left to be done with it. Only this may
-- drop one, so that the job, which sends bodies, can write none.
CREATE FUNCTION econsent.drop_delivered_bodies(kept_for interval, most integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog AS $$
  WITH done AS (
    SELECT event.event_id
    FROM econsent.webhook_events AS event
    WHERE
      event.body IS NOT NULL
      AND event.fanned_out_at < now() - kept_for
      AND NOT EXISTS (
        SELECT FROM econsent.webhook_deliveries AS delivery
        LEFT JOIN econsent.webhook_attempts AS attempt USING (delivery_id)
        WHERE
          delivery.event_id = event.event_id
          AND (delivery.status IN ('pending', 'delivering', 'retrying')
            OR greatest(delivery.created_at, delivery.delivered_at, attempt.started_at) > now() - kept_for)
      )
    ORDER BY event.fanned_out_at
    LIMIT most
    FOR UPDATE OF event SKIP LOCKED
  ), dropped AS (
    UPDATE econsent.webhook_events AS event SET body = NULL FROM done WHERE event.event_id = done.event_id RETURNING event.event_id
  )
  SELECT count(*) FROM dropped
$$;

-- Whoever enables, pauses or resumes an endpoint gives it a fresh start: its circuit closes and its 72 hours begin anew.
CREATE FUNCTION econsent.webhook_endpoints_fresh_start() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  NEW.circuit := 'closed';
  NEW.circuit_until := NULL;
  NEW.circuit_opened := 0;
  NEW.consecutive_failures := 0;
  NEW.first_failure_at := NULL;
  IF NEW.status = 'enabled' THEN
    NEW.disabled_at := NULL;
  ELSIF OLD.status = 'enabled' THEN
    NEW.disabled_at := coalesce(NEW.disabled_at, now());
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER webhook_endpoints_fresh_start BEFORE UPDATE OF status, paused_until, url ON econsent.webhook_endpoints
FOR EACH ROW WHEN (
    new.status IS DISTINCT FROM old.status OR new.paused_until IS DISTINCT FROM old.paused_until OR new.url IS DISTINCT FROM old.url
) EXECUTE FUNCTION econsent.webhook_endpoints_fresh_start();

-- One notification a statement that really brought events, whoever inserts them.
CREATE FUNCTION econsent.webhook_events_notify() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT FROM inserted) THEN
    PERFORM pg_notify('econsent_webhook_events', '');
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER webhook_events_notify AFTER INSERT ON econsent.webhook_events
REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION econsent.webhook_events_notify();

REVOKE ALL ON FUNCTION econsent.webhook_events_keep_body() FROM public;

REVOKE ALL ON FUNCTION econsent.drop_delivered_bodies(interval, integer) FROM public;

REVOKE ALL ON FUNCTION econsent.webhook_endpoints_fresh_start() FROM public;

REVOKE ALL ON FUNCTION econsent.webhook_events_notify() FROM public;

GRANT UPDATE (consecutive_failures, circuit_opened, rate_free_at) ON econsent.webhook_endpoints TO econsent_webhook_delivery_retry;

GRANT EXECUTE ON FUNCTION econsent.drop_delivered_bodies(interval, integer) TO econsent_webhook_delivery_retry;

-- Deliveries that a worker was lost with are looked for on their own.
CREATE INDEX webhook_deliveries_suspect ON econsent.webhook_deliveries (endpoint_id, next_attempt_at)
WHERE lost_leases > 0 AND status IN ('pending', 'retrying', 'delivering');
