-- By a function of the schema's owner: the job sends bodies, and may write none.
SELECT econsent.drop_delivered_bodies(%(kept_for)s::interval, %(batch_size)s::integer) AS dropped
