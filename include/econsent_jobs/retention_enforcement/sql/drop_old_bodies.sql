-- Bodies thirty days after the last of their deliveries ended, by the one function that webhook delivery calls too.
SELECT econsent.drop_delivered_bodies(interval '30 days', %(batch_size)s::integer) AS gone
