"""Temporal only: the workflows, the calls that they make, and the worker with its activities.

A workflow file orchestrates; every rule is the domain's. `calls/` has one function for each call to
an activity. `activities/` implements what the worker does in the fleet's database; gateways and the
broker implement theirs. Nothing is imported in this file: it is loaded again for every run.
"""
