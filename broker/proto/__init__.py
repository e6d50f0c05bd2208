"""Protobuf: resource names, fields of requests, and messages, by subject. Pure."""
