-- The page ends a pause in the history as soon as Airflow has ended it.
SET LOCAL ROLE econsent_migrator;

CREATE FUNCTION econsent.end_pause(of_dag text, ended_by text, stale_only boolean) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
  -- Stale is a pause that Airflow is known to have ended elsewhere: the watch saw it, or it is older than any request that may still be under way.
  UPDATE econsent.job_pauses SET resumed_at = greatest(clock_timestamp(), paused_at), resumed_by = coalesce(ended_by, 'unknown')
  WHERE dag_id = of_dag AND resumed_at IS NULL AND (NOT stale_only OR seen_at IS NOT NULL OR paused_at < now() - interval '1 minute');
  RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION econsent.end_pause(text, text, boolean) FROM public;

GRANT EXECUTE ON FUNCTION econsent.end_pause(text, text, boolean) TO econsent_cron_management;
