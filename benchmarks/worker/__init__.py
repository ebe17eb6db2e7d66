"""Deposits that one worker settles, out of a full inbox."""
