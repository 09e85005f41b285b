-- A further index; from the moment of this commit every claim also writes to it.
INSERT INTO econsent.search_targets (index_name, schema_version, version_epoch, state, built_through)
VALUES (%(index_name)s, %(schema_version)s, %(version_epoch)s, %(state)s, '')
ON CONFLICT (index_name) DO NOTHING
