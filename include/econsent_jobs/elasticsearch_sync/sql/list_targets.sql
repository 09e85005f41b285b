-- Every index that follows the database, the live one first. Read in the snapshot of the rows that are sent to them.
SELECT
    target.index_name,
    target.schema_version,
    target.version_epoch,
    target.state,
    target.built_through,
    target.checked_through,
    target.check_round,
    target.drift_found,
    target.drift_repaired
FROM econsent.search_targets AS target
ORDER BY target.state = 'live' DESC, target.index_name
