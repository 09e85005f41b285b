-- What a person sees of each index: what it is for, how far its proof is, and what that found.
SELECT
    target.index_name,
    target.state,
    target.built_through,
    target.checked_through,
    target.last_reconciled_at,
    target.drift_kinds
FROM econsent.search_targets AS target
ORDER BY target.state = 'live' DESC, target.index_name
