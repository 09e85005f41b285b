-- A page of the trail, newest first: what jobs did and what people did to them. Companies' own entries are none of the platform's business.
SELECT
    entry.audit_id,
    entry.timestamp AS at,
    entry."user" AS who,
    entry.action,
    entry.details,
    chain.entry_hash
FROM econsent.audit_log AS entry
LEFT JOIN econsent.audit_chain AS chain ON entry.audit_id = chain.audit_id
WHERE
    entry.company_id IS NULL
    AND entry.category IN ('jobs', 'configuration', 'authentication')
    AND entry.audit_id < %(before)s
    AND (%(number)s::bigint IS NULL OR entry.audit_id = %(number)s)
    AND (%(pattern)s::text IS NULL OR entry.action ~ %(pattern)s)
    AND (%(who)s::text IS NULL OR entry."user" ILIKE %(who)s)
    AND (%(what)s::text IS NULL OR entry.details ->> 'dag_id' ILIKE %(what)s)
ORDER BY entry.audit_id DESC
LIMIT %(most)s
