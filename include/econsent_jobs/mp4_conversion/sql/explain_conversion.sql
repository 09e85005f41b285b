-- All that one conversion's way is told from, as one moment saw it.
SELECT
    conversion.company_id,
    conversion.session_id,
    conversion.status,
    conversion.queued_at,
    conversion.started_at,
    conversion.finished_at,
    conversion.attempts,
    conversion.lost_leases,
    conversion.next_attempt_at,
    conversion.lease_token,
    conversion.leased_until,
    conversion.progress_percent,
    conversion.source_sha256,
    conversion.source_events,
    conversion.promoted_snapshot_index,
    conversion.width,
    conversion.height,
    conversion.duration_ms,
    conversion.dropped_events,
    conversion.blocked_requests,
    conversion.render_ms,
    conversion.encode_ms,
    conversion.tool_versions,
    conversion.error_class,
    conversion.last_error,
    session.retention_status,
    session.retained_at,
    session.closed_at,
    now() AS read_at,
    (
        SELECT
            jsonb_agg(jsonb_build_object(
                'kind', object.kind, 'key', object.object_key, 'version_id', object.version_id, 'state', object.state, 'bytes', object.bytes
            ) ORDER BY object.kind)
        FROM econsent.storage_objects AS object
        WHERE
            object.company_id = %(company_id)s
            AND object.session_id = %(session_id)s
            AND object.kind IN ('video', 'poster', 'sidecar')
    ) AS stored_objects,
    (
        SELECT
            jsonb_agg(
                jsonb_build_object('at', entry."timestamp", 'action', entry.action, 'user', entry."user", 'details', entry.details)
                ORDER BY entry."timestamp"
            )
        FROM econsent.audit_log AS entry
        WHERE
            entry.company_id = %(company_id)s
            AND entry.category = 'certificates'
            AND entry.action IN ('video.failed', 'video.integrity_failed', 'video.requeued')
            AND entry.details ->> 'session_id' = %(session_id)s
    ) AS audit_entries
FROM econsent.video_conversions AS conversion
INNER JOIN econsent.sessions AS session
    ON conversion.company_id = session.company_id AND conversion.session_id = session.session_id
WHERE
    conversion.company_id = %(company_id)s
    AND conversion.session_id = %(session_id)s
    AND session.company_id = %(company_id)s
