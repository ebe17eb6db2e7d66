"""Rules alone: no database, no network, no clock but the one that is passed in."""
