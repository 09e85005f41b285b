-- How far an index is filled; null: it is full. A run that was killed continues here.
UPDATE econsent.search_targets AS target
SET built_through = %(built_through)s
WHERE target.index_name = %(index_name)s
