"""The contract in Python, made by scripts/generate_protos."""
