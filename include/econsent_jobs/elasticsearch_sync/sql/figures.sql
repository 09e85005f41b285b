-- The dashboard's row: backlog, age of its oldest item in seconds, and the lag, to which rows that were set aside belong too.
SELECT
    count(*) FILTER (WHERE queued.state = 'due' AND queued.next_attempt_at <= now()) AS backlog,
    extract(EPOCH FROM now() - min(queued.changed_at) FILTER (WHERE queued.state = 'due' AND queued.next_attempt_at <= now()))
        AS oldest_seconds,
    'seconds since the oldest change not in the index' AS figure_label,
    extract(EPOCH FROM now() - min(queued.changed_at)) AS figure
FROM econsent.search_outbox AS queued
