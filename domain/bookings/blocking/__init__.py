"""An EVSE that is not to be had: out of order, away, in use, or a hold is refused."""
