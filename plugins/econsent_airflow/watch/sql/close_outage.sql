-- A component beats again.
UPDATE econsent.component_outages SET back_at = %(back_at)s WHERE component = %(component)s AND back_at IS NULL RETURNING stopped_at
