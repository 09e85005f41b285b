-- The next step of a release, which takes two people.
SELECT econsent.release_hold(%(hold_id)s, %(by)s) AS step
