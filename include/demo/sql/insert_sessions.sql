-- How long an unretained session is kept follows from its property; one that is there already stays as it is.
INSERT INTO econsent.sessions (
    company_id, session_id, property_id, started_at, last_chunk_at, closed_at, page_url, origin, ip, user_agent, browser_language,
    geo, recording_path, recording_bytes, recording_events, recording_sha256, expires_at, created_at, updated_at
)
SELECT
    visit.company_id,
    visit.session_id,
    visit.property_id,
    visit.started_at,
    visit.last_chunk_at,
    visit.closed_at,
    visit.page_url,
    visit.origin,
    visit.ip,
    visit.user_agent,
    visit.browser_language,
    visit.geo,
    visit.recording_path,
    visit.recording_bytes,
    visit.recording_events,
    visit.recording_sha256,
    visit.started_at + (
        SELECT property.session_expiration
        FROM econsent.properties AS property
        WHERE property.company_id = visit.company_id AND property.property_id = visit.property_id
    ) AS expires_at,
    visit.created_at,
    visit.created_at AS updated_at
FROM json_populate_recordset(NULL::econsent.sessions, %(visits)s::json) AS visit
ON CONFLICT DO NOTHING
