"""One file for each command at the edge, and what all commands share there (`edge`)."""
