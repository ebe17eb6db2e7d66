"""The command line (placeholder while the package is laid out)."""
