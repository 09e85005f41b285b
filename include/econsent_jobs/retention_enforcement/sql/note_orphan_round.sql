-- How far a run came; an empty key ends the round.
INSERT INTO econsent.orphan_rounds AS round (bucket, after_key, began_at, ended_at)
VALUES (%(bucket)s, %(after_key)s, %(now)s, CASE WHEN %(after_key)s = '' THEN %(now)s::timestamptz END)
ON CONFLICT (bucket) DO UPDATE
    SET
        after_key = excluded.after_key,
        began_at = CASE WHEN round.after_key = '' THEN excluded.began_at ELSE round.began_at END,
        ended_at = coalesce(excluded.ended_at, round.ended_at)
