-- What a further run would find, and the lag: the age of the oldest change that is not in the index, rows set aside included.
SELECT
    count(*) FILTER (WHERE queued.state = 'due' AND queued.next_attempt_at <= now()) AS due,
    count(*) FILTER (WHERE queued.state = 'dead') AS dead,
    coalesce(extract(EPOCH FROM now() - min(queued.changed_at)), 0)::integer AS oldest_seconds
FROM econsent.search_outbox AS queued
