"""The websocket to the back end, and the messages that wait for it."""
