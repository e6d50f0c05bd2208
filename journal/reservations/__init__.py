"""Reservations in the event log: recording them, reading their facts, waking their workflows."""
