"""The admin routes of the faults: set the list, see what fired."""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.routes.admin import admin_route, refused
from dc_assets.emulator.routes.http import Call, json_answer
from dc_assets.emulator.stores.duck import DatabaseError, StatementError, reason_of
from dc_assets.emulator.stores.faults import Fault, FaultError, parsed
from dc_assets.emulator.world import World


async def show(call: Call) -> Response:
    """GET the active faults with their counts."""
    return json_answer({"faults": call.world.faults.state()})


async def replace(call: Call) -> Response:
    """POST a list in the place of the active one; a wrong one changes nothing."""
    try:
        faults = parsed((await call.json()).get("faults"))
        await run_in_threadpool(partial(_check_sql, call.world, faults))
    except FaultError as error:
        raise refused(error) from error
    call.world.replace_faults(faults)
    return await show(call)


def _check_sql(world: World, faults: tuple[Fault, ...]) -> None:
    """Let the store read the SQL of the faults now: later nobody would hear of a slip.

    Raises:
        FaultError: the store cannot run it.
    """
    for fault in faults:
        if fault.what == "rows_change":
            try:
                with world.data_cloud.database.session() as session:
                    for statement in session.statements(str(fault.parameters["sql"])):
                        session.rows(f"EXPLAIN {statement}")
            except (DatabaseError, StatementError) as error:
                text = f"The sql of rows_change cannot be run: {reason_of(error)}"
                raise FaultError(text) from error


ROUTES = (admin_route("GET", "faults", show), admin_route("POST", "faults", replace))
