-- The incident is over; whoever was told of it is told of this, once.
UPDATE econsent.incidents SET recovered_at = now() WHERE incident_id = %(incident_id)s AND recovered_at IS NULL RETURNING recovered_at
