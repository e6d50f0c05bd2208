"""Reports that are true and look odd: odd fields of a payload, odd texts of a frame."""
