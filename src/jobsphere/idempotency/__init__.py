"""The answers already given under a client's idempotency key, so that repeating a request repeats nothing else."""
