-- The row is the only truth: from its commit on no batch deletes what it covers.
SELECT econsent.place_hold(%(company_id)s, %(scope)s, %(scope_value)s, %(reason)s, %(placed_by)s) AS hold_id
