"""Version 1, made by scripts/generate_protos."""
