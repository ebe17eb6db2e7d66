"""Who did what to whose money, kept for ever."""
