"""Logs, traces and metrics of every process. Imports no other room of this project."""
