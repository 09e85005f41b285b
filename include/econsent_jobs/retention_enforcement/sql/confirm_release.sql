-- The second of two people; the same one again changes nothing.
UPDATE econsent.legal_holds AS hold
SET release_confirmed_by = %(by)s, released_at = now()
WHERE hold.hold_id = %(hold_id)s AND hold.released_at IS NULL AND hold.released_by <> %(by)s
RETURNING hold.hold_id
