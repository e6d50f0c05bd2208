"""Websockets: the server, the handshake, and how often a station may connect."""
