"""Starts, watches and stops Obverse on one machine, and is the `obverse` command line."""

import os

# Children are forked while gRPC's threads may hold locks; its own handlers around a fork crash a child now and then.
# It has to be said before gRPC is imported for the first time.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
