"""The processes the engine runs as. Embedded: append and fold called in turn, one process, one SQLite store."""
