"""What holds for every test."""

import os

from hypothesis import settings

# A wall clock is no judge of an example on a shared machine: the first one pays for compilation.
settings.register_profile("evcommand", deadline=None)
settings.load_profile("evcommand")

# Tests start processes while gRPC runs here. gRPC's fork handlers would start threads in the child
# between fork and exec, and some children would die of it. Read when grpc is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
