"""From a request to a submitted command."""
