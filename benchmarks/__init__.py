"""How fast JobSphere is, as ratios to peers measured in the same run on the same machine."""
