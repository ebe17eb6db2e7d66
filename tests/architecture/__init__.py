"""How the code is built: who may import what, and what may not be written where."""
