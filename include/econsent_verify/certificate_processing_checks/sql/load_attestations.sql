-- The attestations of one page, with the template that each of them names.
WITH built AS (
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
        attestation.attestation_sha256
    FROM econsent.attestations AS attestation
    WHERE
        attestation.company_id = %(company_id)s
        AND attestation.certificate_pk = any(%(certificate_pks)s)
),

registered AS (
    SELECT
        template.template_id,
        template.version,
        template.name,
        template.body_sha256
    FROM econsent.consent_templates AS template
    WHERE template.company_id = %(company_id)s
)

SELECT
    built.certificate_pk,
    built.schema_version,
    built.disclosure_sha256,
    built.page_content_sha256,
    built.form_data_sha256,
    built.partner_disclosures,
    built.visibility,
    built.accessibility,
    built.wcag_level,
    built.contrast_ratio,
    built.font_size_px,
    built.font_assessment,
    built.language_detected,
    built.html_lang,
    built.language_confidence,
    built.language_mismatch,
    built.interaction_chain,
    built.chain_head,
    built.chain_length,
    built.dom_snapshot_sha256,
    built.template_id,
    built.template_version,
    built.document,
    built.attestation_sha256,
    registered.body_sha256 AS template_body_sha256,
    registered.name AS template_name
FROM built
LEFT JOIN registered ON built.template_id = registered.template_id AND built.template_version = registered.version
