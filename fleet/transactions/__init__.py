"""Charging transactions as stations report them."""
