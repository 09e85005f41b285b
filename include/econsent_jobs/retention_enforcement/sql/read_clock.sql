-- Only the database's clock says what is due; a plan looks from another moment.
SELECT coalesce(%(as_of)s::timestamptz, now()) AS now
