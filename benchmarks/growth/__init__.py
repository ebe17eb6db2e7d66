"""Ours with millions of postings there already, against the same in a database that is nearly empty."""
