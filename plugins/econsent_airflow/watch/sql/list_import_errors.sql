-- DAG files that do not import now.
SELECT filename AS file, timestamp AS at, stacktrace AS stack_trace FROM import_error WHERE filename IS NOT NULL
