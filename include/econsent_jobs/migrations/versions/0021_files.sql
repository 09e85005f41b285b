-- A file on the shared file system is told of once. Of two runs, one could register a file anew that the other had just deleted, and its
-- deletion then got a second tombstone: no path is ever used twice, so its row, deleted or not, is the only one there may be. A company has
-- its rows for itself: a path of hers that leads into somebody else's folder is refused when it is opened, and keeps no row from its owner.
SET LOCAL ROLE econsent_migrator;

DROP INDEX econsent.storage_objects_backend_coalesce_object_key_idx;

CREATE UNIQUE INDEX storage_objects_one_version ON econsent.storage_objects (bucket, object_key)
WHERE backend = 's3' AND state <> 'deleted';

CREATE UNIQUE INDEX storage_objects_one_file ON econsent.storage_objects (company_id, object_key) WHERE backend = 'efs';
