-- A person puts failed conversions back. What they sealed is sent as it was; the others are made anew.
WITH failed AS (
    SELECT
        conversion.conversion_id,
        conversion.session_id,
        conversion.error_class
    FROM econsent.video_conversions AS conversion
    WHERE
        conversion.company_id = %(company_id)s
        AND conversion.session_id = any(%(session_ids)s)
        AND conversion.status = 'failed'
    ORDER BY conversion.conversion_id
    FOR UPDATE
),

requeued AS (
    UPDATE econsent.video_conversions AS conversion
    SET
        status = 'pending',
        attempts = 0,
        lost_leases = 0,
        queued_at = now(),
        next_attempt_at = now(),
        finished_at = NULL,
        error_class = NULL,
        last_error = NULL
    FROM failed
    WHERE conversion.conversion_id = failed.conversion_id
    RETURNING conversion.session_id
),

told AS (
    UPDATE econsent.sessions AS session
    SET
        rrweb_to_video_status = 'processing',
        updated_at = now()
    FROM failed
    WHERE
        session.company_id = %(company_id)s
        AND session.session_id = failed.session_id
),

audited AS (
    INSERT INTO econsent.audit_log (company_id, action, category, "user", details)
    SELECT
        %(company_id)s,
        'video.requeued',
        'certificates',
        %(user)s::text,
        jsonb_build_object('session_id', failed.session_id, 'error_class', failed.error_class)
    FROM failed
)

SELECT
    requeued.session_id,
    pg_notify('video_conversions', '')::text AS woken
FROM requeued
