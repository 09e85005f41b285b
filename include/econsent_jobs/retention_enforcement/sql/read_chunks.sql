-- The hashes of complete chunks.
SELECT chunk.sha256
FROM econsent.tombstone_chunks AS chunk
WHERE chunk.chunk_no < %(chunks)s
ORDER BY chunk.chunk_no
