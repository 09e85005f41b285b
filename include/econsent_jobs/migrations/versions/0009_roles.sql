-- Roles belong to the cluster and outlive a database, so each is made only where it is missing and gets only the settings it lacks.
SET LOCAL ROLE econsent_migrator;

CREATE FUNCTION econsent.ensure_role(role_name text, statement_timeout text, read_only boolean DEFAULT FALSE) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  setting record;
BEGIN
  IF role_name !~ '^econsent_[a-z][a-z0-9_]{1,50}$' THEN
    RAISE EXCEPTION 'The role % must be named econsent_ and the stem of its program.', quote_nullable(role_name);
  END IF;
  BEGIN
    EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
  EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
  END;
  FOR setting IN
    SELECT wanted.name, wanted.value
    FROM (VALUES
      ('TimeZone', 'UTC'),
      -- A cached generic plan would open and lock the partitions of every company.
      ('plan_cache_mode', 'force_custom_plan'),
      ('statement_timeout', statement_timeout),
      ('lock_timeout', '10s'),
      ('idle_in_transaction_session_timeout', '60s'),
      ('default_transaction_read_only', CASE WHEN read_only THEN 'on' ELSE 'off' END)
    ) AS wanted (name, value)
    WHERE NOT EXISTS (
      SELECT FROM pg_db_role_setting AS present
      WHERE present.setrole = role_name::regrole AND present.setdatabase = 0
        AND wanted.name || '=' || wanted.value = ANY (present.setconfig)
    )
  LOOP
    EXECUTE format('ALTER ROLE %I SET %I = %L', role_name, setting.name, setting.value);
  END LOOP;
  EXECUTE format('GRANT USAGE ON SCHEMA econsent TO %I', role_name);
END $$;

RESET ROLE;

-- The longest a single statement may take: a batch of a frequent job, of a long job, of a person's click, of a proof over everything.
SELECT econsent.ensure_role('econsent_migrator', '0');
SELECT econsent.ensure_role('econsent_certificate_processing', '60s');
SELECT econsent.ensure_role('econsent_mp4_conversion', '60s');
SELECT econsent.ensure_role('econsent_retention_enforcement', '5min');
SELECT econsent.ensure_role('econsent_elasticsearch_sync', '60s');
SELECT econsent.ensure_role('econsent_webhook_delivery_retry', '60s');
SELECT econsent.ensure_role('econsent_wallet_reconciliation', '5min');
SELECT econsent.ensure_role('econsent_platform', '15s');
SELECT econsent.ensure_role('econsent_dashboard', '5s', read_only => TRUE);
SELECT econsent.ensure_role('econsent_verify', '10min', read_only => TRUE);
