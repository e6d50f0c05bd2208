"""Protobuf: resource names, fields, messages in and out."""
