-- One page of a company's conversions with all that has to agree with them, as one moment saw it.
SELECT
    conversion.conversion_id,
    conversion.company_id,
    conversion.session_id,
    conversion.status,
    conversion.started_at,
    conversion.finished_at,
    conversion.attempts,
    conversion.lease_token,
    conversion.source_sha256,
    conversion.source_events,
    conversion.promoted_snapshot_index,
    conversion.width,
    conversion.height,
    conversion.fps,
    conversion.duration_ms,
    conversion.frames,
    conversion.dropped_events,
    conversion.blocked_requests,
    conversion.output_bytes,
    conversion.output_sha256,
    conversion.storage_object_id,
    conversion.tool_versions,
    conversion.error_class,
    session.property_id,
    session.started_at AS session_started_at,
    session.recording_sha256,
    session.rrweb_to_video_status,
    session.retention_status,
    (
        SELECT jsonb_agg(certificate.certificate_id ORDER BY certificate.submission_no)
        FROM econsent.certificates AS certificate
        WHERE
            certificate.company_id = %(company_id)s
            AND certificate.session_id = conversion.session_id
            AND certificate.finalized_at <= conversion.started_at
    ) AS certificate_ids,
    (
        SELECT jsonb_agg(to_jsonb(object) ORDER BY object.kind)
        FROM econsent.storage_objects AS object
        WHERE
            object.company_id = %(company_id)s
            AND object.session_id = conversion.session_id
            AND object.kind IN ('video', 'poster', 'sidecar')
            AND object.state <> 'deleted'
    ) AS objects,
    (
        SELECT count(*)
        FROM econsent.audit_log AS entry
        WHERE
            entry.company_id = %(company_id)s
            AND entry.action = 'video.converted'
            AND entry.details ->> 'session_id' = conversion.session_id
    ) AS converted_entries,
    (
        SELECT count(*)
        FROM econsent.sealed_files AS sealed
        WHERE
            sealed.company_id = %(company_id)s
            AND sealed.session_id = conversion.session_id
            AND sealed.kind IN ('video', 'poster', 'sidecar')
    ) AS sealed_files
FROM econsent.video_conversions AS conversion
INNER JOIN econsent.sessions AS session
    ON conversion.company_id = session.company_id AND conversion.session_id = session.session_id
WHERE
    conversion.company_id = %(company_id)s
    AND session.company_id = %(company_id)s
    AND conversion.session_id > %(after)s
ORDER BY conversion.session_id
LIMIT %(page_size)s
