"""A simulated charging station with an OCPP client of its own, for 1.6, 2.0.1 and 2.1.

It can be pointed at any back end (CSMS) and imports no other room of this project. So a mistake in
the gateway's reading of OCPP cannot hide behind the same mistake here.

    charger/      pure: what happens in a station when somebody plugs in, swipes or asks remotely
    dialects/     how each OCPP version says it; also pure
    connection/   the websocket, and the messages that wait for it
    behaviour.py  the points at which a station may deviate from the standard
    flaws/        deviations by name
    station.py    SimulatedStation: puts the parts together
"""
