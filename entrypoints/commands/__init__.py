"""What is behind single commands of the command line."""
