-- Where the comparison goes on: behind this key, from the beginning where it is empty.
SELECT coalesce((
    SELECT round.after_key
    FROM econsent.orphan_rounds AS round
    WHERE round.bucket = %(bucket)s
), '') AS after_key
