"""People who were here before a measurement, and what they did: rows like those that JobSphere writes."""
