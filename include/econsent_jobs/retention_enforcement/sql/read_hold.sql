-- One hold and where its release stands.
SELECT
    hold.hold_id,
    hold.company_id,
    hold.scope,
    hold.scope_value,
    hold.reason,
    hold.placed_by,
    hold.placed_at,
    hold.released_at,
    hold.released_by
FROM econsent.legal_holds AS hold
WHERE hold.hold_id = %(hold_id)s
