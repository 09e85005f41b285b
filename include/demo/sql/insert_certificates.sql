-- A pending certificate enters the queue by a trigger; a submission that is there already stays as it is. The capture comes as the
-- text of a document, so as a JSON string.
INSERT INTO econsent.certificates (
    company_id, property_id, session_id, source_ref, source, submission_no, status, consent_at, capture, dom_staging_path,
    consumer_phone, consumer_email, consumer_name, ip, user_agent, browser_language, geo, origin, domain, created_at, updated_at
)
SELECT
    submission.company_id,
    submission.property_id,
    submission.session_id,
    submission.source_ref,
    submission.source,
    submission.submission_no,
    submission.status,
    submission.consent_at,
    (submission.capture #>> '{}')::jsonb AS capture,
    submission.dom_staging_path,
    submission.consumer_phone,
    submission.consumer_email,
    submission.consumer_name,
    submission.ip,
    submission.user_agent,
    submission.browser_language,
    submission.geo,
    submission.origin,
    submission.domain,
    submission.created_at,
    submission.created_at AS updated_at
FROM json_populate_recordset(NULL::econsent.certificates, %(submissions)s::json) AS submission
ON CONFLICT DO NOTHING
RETURNING certificate_pk
