"""Tests of people, passwords and tokens."""
