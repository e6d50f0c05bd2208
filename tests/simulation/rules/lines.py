"""What a gateway may do with a request that came late over its direct line."""

from collections.abc import Iterator

from tests.simulation.world.world import Ran


def written_on_the_newest_connection(ran: Ran) -> Iterator[str]:
    """No frame is written on a connection that was over when its request came."""
    rows = {(told.command.name, row.attempt): row for told in ran.told for row in told.sends}
    for arrival in ran.arrivals:
        row = rows.get((arrival.command, arrival.attempt))
        if row is None or row.state == "VOID" or arrival.is_decided or arrival.epoch is None:
            continue
        if row.epoch < arrival.epoch:
            yield f"frame {row.attempt} of {row.command} was written on a connection that was over"
