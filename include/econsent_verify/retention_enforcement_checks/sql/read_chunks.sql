-- All chunk hashes.
SELECT
    chunk.chunk_no,
    chunk.sha256
FROM econsent.tombstone_chunks AS chunk
ORDER BY chunk.chunk_no
