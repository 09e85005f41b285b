-- The row is the only truth: from its commit on no batch deletes what it covers.
INSERT INTO econsent.legal_holds (company_id, scope, scope_value, reason, placed_by)
VALUES (%(company_id)s, %(scope)s, %(scope_value)s, %(reason)s, %(placed_by)s)
RETURNING hold_id
