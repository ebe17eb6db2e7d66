"""Real processes: JobSphere, its sandbox and its PostgreSQL are started, killed, stopped and started again."""
