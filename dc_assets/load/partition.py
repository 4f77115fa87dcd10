"""The whole way of one partition: join the load, plan, extract, regroup, write, prove the sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dc_assets.core.errors import LedgerConflict, ParentsTaken, RowsPending
from dc_assets.core.load_state import RowCounts
from dc_assets.core.phases import Phase, is_sent
from dc_assets.core.run_events import RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.load.plan import agreed_plan
from dc_assets.load.ports import Ports, RangeRun
from dc_assets.load.read_range import Chosen, Sample, read_range, send_all
from dc_assets.load.store import RESUMED, LoadRequest, RangeTicket

OTHER_LOAD_WAIT_S = 600.0
"""How long a load waits for the runs of another one that keeps it from beginning."""

JOIN_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class LoadedRange:
    """What one partition run reached.

    Attributes:
        was_sent: whether every row had an outcome before, so that nothing was read or sent.
    """

    load_id: str
    partition_key: str
    totals: RowCounts
    seconds: float
    was_sent: bool = False


def load_partition(
    spec: LoadSpec,
    partition_key: str,
    ports: Ports,
    choose: Chosen = None,
    *,
    request: LoadRequest = RESUMED,
) -> LoadedRange:
    """Move one partition's rows into the org; running it again resumes where it stopped.

    ``choose`` returns the external ids that a partial load sends; it is asked once a load. Or it is
    a sample: whoever sends one gives the unfinished load of its mode up before. A partition whose
    rows were all sent is left as it is, unless the request begins a new load of it.

    Raises:
        RowsPending: rows are left without an outcome; the message says how many.
        DcError: any other reason that one sentence explains.
    """
    started_s = ports.clock.now_s()
    ticket = _ticket(partition_key, ports, request)
    if is_sent(ticket.phase):
        told = RunEvent("partition_sent_before", {"load": ticket.load_id}, partition_key)
        ports.note(replace(told, load_id=ticket.load_id))
        totals = ports.batches.totals(ticket.load_id, partition_key)
        return LoadedRange(ticket.load_id, partition_key, totals, 0.0, was_sent=True)
    with ports.loads.heartbeat(ticket):
        plan = agreed_plan(spec, ticket.load_id, ports)
        is_partial = choose is not None and not isinstance(choose, Sample)
        run = RangeRun(spec, ticket, plan, ports, is_partial=is_partial)
        if ticket.phase is Phase.READING:
            if ticket.sent_before and not isinstance(choose, Sample):
                run.note("load_begun_again", before=ticket.sent_before)
            run = read_range(run, choose)
        send_all(run, choose)
        totals = ports.batches.totals(ticket.load_id, partition_key)
        if totals.pending:
            raise RowsPending(
                f"Partition {partition_key}: {totals.pending:,} of {totals.selected:,} rows have "
                "no outcome yet. Run the partition again: it resumes where it stopped."
            )
        ports.loads.finish_range(ticket)
    seconds = ports.clock.now_s() - started_s
    return LoadedRange(ticket.load_id, partition_key, totals, seconds)


def _ticket(partition_key: str, ports: Ports, request: LoadRequest) -> RangeTicket:
    """Join the load and take the partition.

    A new load waits for the runs of the last one to end, and any load for another one that holds
    the same parents; nothing is held meanwhile.
    """
    deadline_s = ports.clock.now_s() + OTHER_LOAD_WAIT_S
    noted = ""
    while True:
        load_id = None
        try:
            load_id = ports.loads.join_load(partition_key, request)
            return ports.loads.take_range(load_id, partition_key)
        except LedgerConflict as conflict:
            is_taken = isinstance(conflict, ParentsTaken)
            if (load_id is not None and not is_taken) or ports.clock.now_s() >= deadline_s:
                raise
            if str(conflict) != noted:
                fields = {"cause": str(conflict)}
                ports.note(RunEvent("partition_waits", fields, partition_key, load_id or ""))
                noted = str(conflict)
            ports.clock.sleep(JOIN_AGAIN_S)
