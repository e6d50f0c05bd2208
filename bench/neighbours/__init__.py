"""What a command must not feel of its neighbours: other processes that keep the cores busy."""
