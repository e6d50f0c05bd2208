"""What stations report: authorised, written down, answered."""
