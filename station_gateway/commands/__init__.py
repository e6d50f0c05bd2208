"""Commands in the gateway: their frames, their turn at the station, their answers."""
