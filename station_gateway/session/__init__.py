"""The OCPP-J session of one socket, without I/O."""
