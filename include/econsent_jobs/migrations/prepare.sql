-- What every revision stands on: the owner of the schema, and the schema. Runs before each upgrade and changes nothing the second time.
DO $$
BEGIN
  -- Roles belong to the whole cluster: another of its databases may have made this one, or be making it at this moment.
  CREATE ROLE econsent_migrator NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL;
END $$;

DO $$
BEGIN
  -- A superuser may act for anybody; whoever else migrates has to be a member of the owner.
  IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT econsent_migrator TO %I', current_user);
  END IF;
END $$;

CREATE SCHEMA IF NOT EXISTS econsent AUTHORIZATION econsent_migrator;

-- PUBLIC may call every new function unless it is told otherwise, and a function that is SECURITY DEFINER is a door.
ALTER DEFAULT PRIVILEGES FOR ROLE econsent_migrator REVOKE EXECUTE ON FUNCTIONS FROM public;
