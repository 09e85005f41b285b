-- How far this round of proving an index came, and what it found on the way.
UPDATE econsent.search_targets AS target
SET
    checked_through = %(checked_through)s,
    check_round_started_at = coalesce(target.check_round_started_at, now()),
    drift_found = target.drift_found + %(found)s,
    drift_repaired = target.drift_repaired + %(repaired)s,
    drift_kinds = (
        SELECT coalesce(jsonb_object_agg(summed.kind, summed.count), jsonb_build_object())
        FROM (
            SELECT
                both_sides.key AS kind,
                sum(both_sides.value::bigint) AS count
            FROM (
                SELECT
                    before.key,
                    before.value
                FROM jsonb_each_text(target.drift_kinds) AS before
                UNION ALL
                SELECT
                    further.key,
                    further.value
                FROM jsonb_each_text(%(kinds)s) AS further
            ) AS both_sides
            GROUP BY both_sides.key
        ) AS summed
    )
WHERE target.index_name = %(index_name)s
