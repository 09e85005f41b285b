-- DAG files that do not import, and since when.
SELECT import_error.filename AS file, import_error.timestamp AS broke_at, import_error.stacktrace AS stack_trace
FROM import_error
ORDER BY import_error.id
LIMIT 200
