-- Leaf hashes from one place to another.
SELECT tombstone.leaf_sha256
FROM econsent.tombstones AS tombstone
WHERE tombstone.log_no >= %(first_no)s AND tombstone.log_no < %(before_no)s
ORDER BY tombstone.log_no
