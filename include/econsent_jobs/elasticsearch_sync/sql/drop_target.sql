-- An index that was kept for a rollback is given up; only such a one.
DELETE FROM econsent.search_targets AS target
WHERE target.index_name = %(index_name)s AND target.state = 'rollback'
