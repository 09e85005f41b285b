-- How far the trail is sealed; no row before anything is.
SELECT chain.audit_id AS entry, entry.timestamp AS at
FROM econsent.audit_chain AS chain
INNER JOIN econsent.audit_log AS entry ON chain.audit_id = entry.audit_id
ORDER BY chain.seq DESC
LIMIT 1
