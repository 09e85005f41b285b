-- The dashboard's row: backlog, age of its oldest item in seconds, and the job's own figure with its label.
SELECT
    count(*) FILTER (WHERE queued.next_attempt_at <= now()) AS backlog,
    extract(EPOCH FROM now() - min(queued.next_attempt_at) FILTER (WHERE queued.next_attempt_at <= now())) AS oldest_seconds,
    'seconds since the oldest unfinalised certificate' AS figure_label,
    extract(EPOCH FROM now() - min(queued.queued_at)) AS figure
FROM econsent.certificate_queue AS queued
