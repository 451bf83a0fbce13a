"""What leaves the engine: notices to people, decisions to endpoints. Replaying never sends; deliver keeps its own position."""
