"""What crosses Temporal: names, inputs, results."""
