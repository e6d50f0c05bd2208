"""The edge that clients see: gRPC on one side, the domain's dataclasses on the other.

A call is authenticated, checked, read, carried out and shown. `services/` takes these steps,
`commands/` has one file for each command, and protobuf ends in `proto/`, `commands/` and
`callbacks/`. The broker keeps no state: what it tells is read from the event log and the fleet, and
what it starts is made durable by Temporal (`temporal`).
"""
