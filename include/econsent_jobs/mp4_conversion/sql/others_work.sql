-- Whether another lane makes a video now: a lane without work stays for what may arrive meanwhile, because no further run can start.
SELECT count(*) > 0 AS working
FROM (
    SELECT conversion.conversion_id
    FROM econsent.video_conversions AS conversion
    WHERE
        conversion.status = 'processing'
        AND conversion.leased_until >= now()
    ORDER BY conversion.conversion_id
    LIMIT 1
) AS under_way
