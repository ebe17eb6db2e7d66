"""The doctor: whether JobSphere is set up as it must be, and what to do if not."""
