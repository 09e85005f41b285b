-- While no search index is live, nothing can have left the search outbox.
SELECT count(*) AS live
FROM econsent.search_targets AS target
WHERE target.state = 'live'
