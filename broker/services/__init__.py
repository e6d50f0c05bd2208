"""The gRPC services: one thin servicer per service, all of one shape."""
