"""Logs, traces and metrics of every process. Imports nothing of ours."""
