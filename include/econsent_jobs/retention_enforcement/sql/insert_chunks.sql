-- Chunks that this batch completed.
INSERT INTO econsent.tombstone_chunks (chunk_no, sha256)
SELECT
    done.chunk_no,
    done.sha256
FROM unnest(%(chunk_nos)s::bigint[], %(sha256s)s::text[]) AS done (chunk_no, sha256)
