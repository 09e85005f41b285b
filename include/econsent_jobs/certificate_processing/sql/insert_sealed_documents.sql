-- The exact bytes, before the first of them is sent.
INSERT INTO econsent.sealed_documents (company_id, certificate_pk, kind, object_key, bytes, sha256, content_type)
SELECT
    %(company_id)s,
    sealed.certificate_pk,
    sealed.kind,
    sealed.object_key,
    sealed.body,
    sealed.sha256,
    sealed.content_type
FROM
    unnest(
        %(certificate_pks)s::bigint[],
        %(kinds)s::text[],
        %(object_keys)s::text[],
        %(bodies)s::bytea[],
        %(sha256s)s::text[],
        %(content_types)s::text[]
    ) AS sealed (certificate_pk, kind, object_key, body, sha256, content_type)
