"""The edge that clients see: gRPC in, dataclasses on. Protobuf ends in `convert_*.py`.

Authenticates, validates, converts, starts or asks the workflow, converts back. It keeps no state:
what it tells is read from the event log and the fleet.
"""
