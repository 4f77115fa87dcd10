"""The side door to the org's pace: its clock, its settings, and who holds which parent."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import SCALE_MAX, exact_datetime
from dc_assets.emulator.org.settings import SettingError
from dc_assets.emulator.profile import ProfileError, profile_of
from dc_assets.emulator.routes.admin import admin_route, refused
from dc_assets.emulator.routes.http import Call, json_answer
from dc_assets.emulator.world import World


class ClockError(Exception):
    """A change of the clock that cannot be; the text is one sentence."""


async def clock(call: Call) -> Response:
    """What the org's clock shows, and how it runs."""
    return json_answer(_clock(call.world))


async def set_clock(call: Call) -> Response:
    """Advance the clock and let it stand, or let it run; what is due is done before the answer."""
    body = await call.json()
    try:
        await run_in_threadpool(partial(_set_clock, call.world, body))
    except ClockError as error:
        raise refused(error) from error
    return json_answer(_clock(call.world))


def _clock(world: World) -> dict[str, object]:
    org_s = world.clock.org_s()
    return {
        "mode": world.clock.mode,
        "scale": world.clock.scale,
        "now": exact_datetime(world.clock.moment(org_s)),
        "virtual_s": org_s,
    }


def _set_clock(world: World, body: dict[str, object]) -> None:
    match list(body.items()):
        case [("advance_s", int() | float() as seconds)] if _is_number(seconds) and seconds >= 0:
            world.clock.advance(seconds)
        case [("scale", int() | float() as scale)] if _is_number(scale) and 0 < scale <= SCALE_MAX:
            world.clock.run(scale)
        case _:
            raise ClockError(
                "The clock takes advance_s, seconds that are not negative, or scale, a number "
                f"above 0 and up to {SCALE_MAX:,.0f}."
            )
    world.runner.timed.catch_up()
    world.runner.timed.poke()


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value)


async def org(call: Call) -> Response:
    """The settings of the org, and how its users fared."""
    return json_answer(_org(call.world))


async def set_org(call: Call) -> Response:
    """Set some of the settings, or take a preset."""
    body = await call.json()
    try:
        await run_in_threadpool(partial(call.world.runner.change, body))
    except SettingError as error:
        raise refused(error) from error
    return json_answer(_org(call.world))


def _org(world: World) -> dict[str, object]:
    timed = world.runner.timed
    return {
        **asdict(world.runner.settings),
        "users": timed.users(),
        "lock_timeouts": timed.timeouts(),
    }


async def parents(call: Call) -> Response:
    """How often a parent was held by two running jobs, and the first times."""
    held = call.world.runner.timed.held
    first = [
        {"parent": found.parent, "jobs": list(found.jobs), "at_s": found.at_s}
        for found in list(held.first)
    ]
    return json_answer({"held_twice": held.held_twice, "first": first})


async def profile(call: Call) -> Response:
    """What the user may not see, and what he may only read."""
    return json_answer(call.world.schema.profile.shown())


async def set_profile(call: Call) -> Response:
    """Take a profile in the place of the one before; an empty one hides and locks nothing."""
    try:
        call.world.schema.take(profile_of(await call.json()))
    except ProfileError as error:
        raise refused(error) from error
    return await profile(call)


ROUTES = (
    admin_route("GET", "clock", clock),
    admin_route("POST", "clock", set_clock),
    admin_route("GET", "org", org),
    admin_route("POST", "org", set_org),
    admin_route("GET", "parents", parents),
    admin_route("GET", "profile", profile),
    admin_route("POST", "profile", set_profile),
)
