-- A page of one company's certificates with all that the index shows of them, and whether a change of theirs still waits.
SELECT
    c.certificate_pk,
    c.row_version,
    c.status,
    c.certificate_id,
    c.session_id,
    c.property_id,
    c.source,
    c.consumer_phone,
    c.consumer_email,
    c.consumer_name,
    c.geo,
    c.origin,
    c.domain,
    c.consent_records,
    c.opt_out,
    s.retention_status,
    a.disclosure_sha256,
    a.template_id,
    a.template_version,
    a.language_detected,
    a.wcag_level,
    host(c.ip) AS ip,
    CASE WHEN isfinite(c.consent_at) THEN floor(extract(EPOCH FROM c.consent_at) * 1000)::bigint END AS consent_at,
    CASE WHEN isfinite(c.finalized_at) THEN floor(extract(EPOCH FROM c.finalized_at) * 1000)::bigint END AS finalized_at,
    CASE WHEN isfinite(c.expires_at) THEN floor(extract(EPOCH FROM c.expires_at) * 1000)::bigint END AS expires_at,
    jsonb_array_length(c.recording_hashes) > 0
    AND coalesce(s.retention_status NOT IN ('expired', 'deleted'), TRUE) AS has_replay,
    coalesce(s.rrweb_to_video_status = 'completed', FALSE) AS has_video,
    a.visibility ->> 'disclosureVisible' AS disclosure_visible,
    o.doc_key IS NOT NULL AS waits
FROM econsent.certificates AS c
LEFT JOIN econsent.sessions AS s ON c.company_id = s.company_id AND c.session_id = s.session_id AND s.company_id = %(company_id)s
LEFT JOIN econsent.attestations AS a
    ON c.company_id = a.company_id AND c.certificate_pk = a.certificate_pk AND a.company_id = %(company_id)s
LEFT JOIN econsent.search_outbox AS o
    ON c.company_id = o.company_id AND o.doc_type = 'certificate' AND o.doc_key = c.certificate_pk::text
WHERE c.company_id = %(company_id)s AND c.certificate_pk > %(after)s  -- noqa: RF02
ORDER BY c.certificate_pk
LIMIT 1000
