"""Commands on their way to a station: the queue, the frame, the answer."""
