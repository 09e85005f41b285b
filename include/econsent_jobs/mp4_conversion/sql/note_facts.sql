-- What was made, in the transaction that seals it, so that a later try need not know how.
UPDATE econsent.video_conversions AS conversion
SET
    source_sha256 = %(source_sha256)s,
    source_events = %(source_events)s,
    promoted_snapshot_index = %(promoted_snapshot_index)s,
    width = %(width)s,
    height = %(height)s,
    fps = %(fps)s,
    duration_ms = %(duration_ms)s,
    frames = %(frames)s,
    dropped_events = %(dropped_events)s,
    blocked_requests = %(blocked_requests)s,
    output_bytes = %(output_bytes)s,
    output_sha256 = %(output_sha256)s,
    render_ms = %(render_ms)s,
    encode_ms = %(encode_ms)s,
    tool_versions = %(tool_versions)s
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
