-- The one clock of the job: whatever is due, late or leased is judged by this moment.
SELECT now() AS moment
