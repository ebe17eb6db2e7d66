"""The sandbox against the same server with one answer to everything."""
