"""Event types, one msgspec Struct each, by family. `schemas.registry` names them."""
