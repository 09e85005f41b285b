-- A file on the shared file system is told of once. Of two runs, one could register a file anew that the other had just deleted, and its
-- deletion then got a second tombstone: no path is ever used twice, so its row, deleted or not, is the only one there may be.
SET LOCAL ROLE econsent_migrator;

CREATE UNIQUE INDEX storage_objects_one_file ON econsent.storage_objects (object_key) WHERE backend = 'efs';
