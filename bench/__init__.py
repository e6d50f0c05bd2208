"""`make bench`: measures what docs/performance.md claims, in one run on one machine."""
