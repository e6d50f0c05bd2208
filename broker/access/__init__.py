"""What a credential may do: rights per method, groups of stations, calls a second. Mostly pure."""
