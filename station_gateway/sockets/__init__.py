"""Websockets: the server, the handshake, one station at its socket."""
