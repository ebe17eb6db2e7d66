"""Tests of jobs, offers and escrow."""
