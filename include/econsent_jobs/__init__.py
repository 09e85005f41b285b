"""What eConsent's scheduled jobs do. Nothing in here has heard of Airflow."""
