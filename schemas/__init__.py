"""What the engine speaks: event types, envelope, policy text, and their generated documents."""
