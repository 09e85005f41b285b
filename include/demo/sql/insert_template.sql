-- Every version stays: a certificate names the one that its visitor read.
INSERT INTO econsent.consent_templates (company_id, template_id, version, name, body, body_sha256, status)
VALUES (%(company_id)s, %(template_id)s, %(version)s, %(name)s, %(body)s, %(body_sha256)s, %(status)s)
