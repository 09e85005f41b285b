-- The expirations are calendar intervals: five years are no number of days.
INSERT INTO econsent.properties (
    company_id, property_id, name, origin, uid, masked_fields, consent_selectors, session_expiration, certificate_expiration
)
VALUES (
    %(company_id)s,
    %(property_id)s,
    %(name)s,
    %(origin)s,
    %(uid)s,
    '{#ssn}',
    '{"TEXT": "#tcpa"}',
    %(session_expiration)s::interval,
    %(certificate_expiration)s::interval
)
