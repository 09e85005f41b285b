"""The watch: a process of its own that sees what no component of Airflow can see when it is dead, and keeps the audit trail.

``process`` is one round; ``metadata`` reads Airflow's database; ``trail`` writes eConsent's; ``executions``, ``actions`` and ``incidents``
decide and do no I/O; ``alerts`` sends, ``resume`` acts through Airflow's API, ``segments`` stores sealed days in S3, ``cleanup`` bounds
Airflow's tables.
"""
