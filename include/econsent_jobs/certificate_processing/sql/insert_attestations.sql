-- The attestation as hashed, and the figures of it that the dashboard filters by.
INSERT INTO econsent.attestations (
    company_id, certificate_pk, disclosure_sha256, page_content_sha256, form_data_sha256, partner_disclosures, visibility, accessibility,
    wcag_level, contrast_ratio, font_size_px, font_assessment, language_detected, html_lang, language_confidence, language_mismatch,
    interaction_chain, chain_head, chain_length, dom_snapshot_sha256, template_id, template_version, document, attestation_sha256
)
SELECT
    %(company_id)s,
    sealed.certificate_pk,
    sealed.document #>> '{hashes,disclosure}',
    sealed.document #>> '{hashes,pageContent}',
    sealed.document #>> '{hashes,formData}',
    sealed.document -> 'partners',
    nullif(sealed.document -> 'visibility', 'null'),
    nullif(sealed.document -> 'accessibility', 'null'),
    sealed.document #>> '{accessibility,wcagLevel}',
    (sealed.document #>> '{accessibility,contrast,ratio}')::numeric,
    (sealed.document #>> '{accessibility,font,sizePx}')::numeric,
    sealed.document #>> '{accessibility,font,fontAssessment}',
    sealed.document #>> '{language,detected}',
    sealed.document #>> '{language,htmlLang}',
    (sealed.document #>> '{language,confidence}')::numeric,
    (sealed.document #>> '{language,mismatch}')::boolean,
    sealed.chain,
    sealed.document #>> '{interactionChain,head}',
    coalesce((sealed.document #>> '{interactionChain,length}')::integer, 0),
    sealed.dom_sha256,
    sealed.document #>> '{template,id}',
    sealed.document #>> '{template,version}',
    sealed.document,
    sealed.sha256
FROM
    unnest(
        %(certificate_pks)s::bigint[], %(documents)s::jsonb[], %(sha256s)s::text[], %(dom_sha256s)s::text[], %(chains)s::jsonb[]
    ) AS sealed (certificate_pk, document, sha256, dom_sha256, chain)
