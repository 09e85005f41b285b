-- Links of the chain with the entries that they seal, in the words of the segment.
SELECT
    link.seq,
    entry.audit_id,
    entry.company_id,
    entry.action,
    entry.category,
    entry."user",
    host(entry.ip_address) AS ip_address,
    to_char(entry."timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "timestamp",
    entry.details::text AS details,
    entry.personal_sha256,
    entry.request_id,
    entry.dedupe_key,
    link.prev_hash,
    link.entry_hash
FROM econsent.audit_chain AS link
INNER JOIN econsent.audit_log AS entry ON link.audit_id = entry.audit_id
WHERE link.seq BETWEEN %(first_seq)s AND %(last_seq)s
ORDER BY link.seq
