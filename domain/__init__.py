"""Pure rules of remote commands: no I/O, no clock, no Temporal, no OCPP, no protobuf."""
