"""The schema in PostgreSQL: how it came to be, and what the application may do in it."""
