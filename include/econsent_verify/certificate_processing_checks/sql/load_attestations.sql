-- The attestations of one page, with the template that each of them names.
SELECT
    attestation.certificate_pk,
    attestation.schema_version,
    attestation.disclosure_sha256,
    attestation.page_content_sha256,
    attestation.form_data_sha256,
    attestation.partner_disclosures::text AS partner_disclosures,
    attestation.visibility::text AS visibility,
    attestation.accessibility::text AS accessibility,
    attestation.wcag_level,
    attestation.contrast_ratio,
    attestation.font_size_px,
    attestation.font_assessment,
    attestation.language_detected,
    attestation.html_lang,
    attestation.language_confidence,
    attestation.language_mismatch,
    attestation.interaction_chain::text AS interaction_chain,
    attestation.chain_head,
    attestation.chain_length,
    attestation.dom_snapshot_sha256,
    attestation.template_id,
    attestation.template_version,
    attestation.document::text AS document,
    attestation.attestation_sha256,
    template.body_sha256 AS template_body_sha256,
    template.name AS template_name
FROM econsent.attestations AS attestation
LEFT JOIN econsent.consent_templates AS template
    ON
        attestation.company_id = template.company_id
        AND attestation.template_id = template.template_id
        AND attestation.template_version = template.version
WHERE
    attestation.company_id = %(company_id)s
    AND attestation.certificate_pk = any(%(certificate_pks)s)
