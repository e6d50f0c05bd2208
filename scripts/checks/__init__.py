"""The checks of this project's own rules; `scripts/lint` runs them."""
