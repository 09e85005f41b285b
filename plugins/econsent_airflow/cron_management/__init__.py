"""Cron Management: what administrators see of the jobs, and do to them, inside Airflow's own pages."""
