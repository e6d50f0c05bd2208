"""Takes odd reports of stations for what they certainly mean, and says what was mended."""
