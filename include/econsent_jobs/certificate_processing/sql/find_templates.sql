-- One template a disclosure hash: an active version before an archived one, then the newest.
SELECT DISTINCT ON (template.body_sha256)
    template.body_sha256,
    template.template_id,
    template.version,
    template.name
FROM econsent.consent_templates AS template
WHERE
    template.company_id = %(company_id)s
    AND template.body_sha256 = any(%(body_sha256s)s)
ORDER BY template.body_sha256 ASC, template.status ASC, template.created_at DESC, template.template_id ASC, template.version ASC
