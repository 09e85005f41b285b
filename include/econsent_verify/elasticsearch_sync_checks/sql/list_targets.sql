-- Every index that has to equal the database; one that is being built does not yet.
SELECT
    target.index_name,
    target.state,
    target.version_epoch
FROM econsent.search_targets AS target
WHERE target.state <> 'building'
ORDER BY target.state, target.index_name
