"""JobSphere: the money side of a services marketplace."""
