-- What of the chain belongs to no segment yet.
SELECT min(link.seq) AS first_seq, max(link.seq) AS last_seq
FROM econsent.audit_chain AS link
WHERE link.seq > coalesce((SELECT max(segment.last_seq) FROM econsent.audit_segments AS segment), 0)
