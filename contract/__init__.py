"""What crosses Temporal: names, inputs, results, and the signature of every activity.

Workflows, gateways and brokers are separate processes. They share nothing but this room, so a
change here is a change of a wire format: histories that were written before must still be read.
"""
