-- The first of two people.
UPDATE econsent.legal_holds AS hold
SET released_by = %(by)s
WHERE hold.hold_id = %(hold_id)s AND hold.released_at IS NULL AND hold.released_by IS NULL
RETURNING hold.hold_id
