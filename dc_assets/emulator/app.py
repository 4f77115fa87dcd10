"""The two listeners as one application: the port of a call decides whose routes answer it."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dc_assets.emulator.errors import APIError, TenantError, WireError, invalid_session
from dc_assets.emulator.routes import (
    admin,
    bulk_query,
    changes,
    collections,
    describe,
    faults,
    faulty,
    identity,
    ingest,
    job_list,
    oauth,
    org,
    query_sql,
    query_v3,
    records,
    soap,
    soql,
    tenant,
)
from dc_assets.emulator.routes.door import check_owner, host_refusal, names_of
from dc_assets.emulator.routes.http import (
    DATA_PREFIX,
    Call,
    Route,
    Router,
    bearer,
    error_answer,
    normalised,
)
from dc_assets.emulator.world import World

ORG_ROUTES = (
    *oauth.ROUTES,
    *identity.ROUTES,
    *soap.ROUTES,
    *describe.ROUTES,
    *changes.ROUTES,
    *records.ROUTES,
    *collections.ROUTES,
    *soql.ROUTES,
    *ingest.ROUTES,
    *job_list.ROUTES,
    *bulk_query.ROUTES,
    *query_sql.ROUTES,
    *admin.ROUTES,
    *faults.ROUTES,
    *org.ROUTES,
)
TENANT_ROUTES = (*tenant.ROUTES, *query_v3.ROUTES)
URI_BYTES_MAX = 16_384


class Application:
    """Answers every call of both ports."""

    def __init__(self, world: World) -> None:
        self._world = world
        address = world.address
        self._tenant_port = urlsplit(address.tenant_url).port
        self._org_names = names_of(address.org_url, address.host)
        self._tenant_names = names_of(address.tenant_url, address.host)
        self._org = Router(ORG_ROUTES)
        self._tenant = Router(TENANT_ROUTES)
        self._dated_s, self._date_text = 0, ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry; only HTTP is spoken."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        is_tenant = scope["server"][1] == self._tenant_port
        try:
            self._check_host(request, is_tenant=is_tenant)
            response = await (self._to_tenant if is_tenant else self._to_org)(request)
        except WireError as error:
            response = error_answer(error, scope["path"], self._world.clock.now())
        except ClientDisconnect:
            return
        if not is_tenant and scope["path"].startswith(DATA_PREFIX):
            usage = (
                f"api-usage={self._world.calls.api_total}/{self._world.options.api_requests_max}"
            )
            response.headers["Sforce-Limit-Info"] = usage
        response.headers["Date"] = self._date()
        await response(scope, receive, send)

    def _date(self) -> str:
        now_s = int(self._world.clock.now().timestamp())
        if now_s != self._dated_s:
            self._dated_s, self._date_text = now_s, formatdate(now_s, usegmt=True)
        return self._date_text

    def _check_host(self, request: Request, *, is_tenant: bool) -> None:
        names = self._tenant_names if is_tenant else self._org_names
        refusal = host_refusal(request.headers, names)
        if refusal is None:
            return
        status, sentence = refusal
        if is_tenant:
            raise TenantError(status, sentence)
        raise APIError(status, "INVALID_HOST", sentence)

    async def _to_org(self, request: Request) -> Response:
        path = normalised(request.scope["raw_path"].decode("ascii"))
        if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > URI_BYTES_MAX:
            raise APIError(414, "URI_TOO_LONG", "The URI is longer than 16,384 bytes")
        now_s = self._world.clock.now_s()
        if path.startswith(DATA_PREFIX) and not self._world.tokens.is_core(bearer(request), now_s):
            raise invalid_session()
        if path.startswith(DATA_PREFIX):
            self._check_user()
        route, parts = self._org.find(request.method, path)
        world = self._world
        if route.kind == admin.KIND:
            check_owner(request.headers, request.method, world.credentials.admin_token)
        call = await _typed(Call(world, request, parts, route.kind), route)
        if route.kind != admin.KIND:
            is_api = path.startswith(DATA_PREFIX)
            world.calls.add(call.kind, world.clock.org_s(), counts_as_api=is_api)
        if not path.startswith(DATA_PREFIX):
            return await self._answer(route, call)
        self._check_limits()
        with world.calls.at_work(world.clock.monotonic_s()):
            return await self._answer(route, call)

    def _check_user(self) -> None:
        """Refuse a call whose app or user may not use the APIs at all."""
        options = self._world.options
        if not options.has_scope("api"):
            text = "This session is not valid for use with the REST API"
            raise APIError(403, "INVALID_SESSION_ID", text)
        if not options.api_enabled:
            text = "The REST API is not enabled for this Organization or Partner"
            raise APIError(403, "API_CURRENTLY_DISABLED", text)

    def _check_limits(self) -> None:
        """Refuse a call beyond those of the day, or while too many long ones are at work."""
        calls, options = self._world.calls, self._world.options
        long_since_s = self._world.clock.monotonic_s() - options.long_request_s
        limit = ""
        if calls.api_total > options.api_requests_max:
            limit = "TotalRequests"
        elif calls.begun_before(long_since_s) >= options.long_requests_max:
            limit = "ConcurrentPerOrgLongTxn"
        if limit:
            raise APIError(403, "REQUEST_LIMIT_EXCEEDED", f"{limit} Limit exceeded.")

    async def _to_tenant(self, request: Request) -> Response:
        path = normalised(request.scope["raw_path"].decode("ascii"))
        now_s = self._world.clock.now_s()
        try:
            if not self._world.tokens.is_tenant(bearer(request), now_s):
                raise TenantError(401, "Invalid or expired tenant token")
            route, parts = self._tenant.find(request.method, path)
        except APIError as error:
            raise TenantError(error.status, error.message) from error
        now_s = self._world.clock.org_s()
        self._world.calls.add(route.kind, now_s, counts_as_api=False)
        return await self._answer(route, Call(self._world, request, parts, route.kind))

    async def _answer(self, route: Route, call: Call) -> Response:
        """Do the work of a call, or let the active faults have their say."""
        work = partial(self._work, route, call)
        if self._world.faults and call.kind != admin.KIND:
            return await faulty.answer(call, work)
        return await work()

    async def _work(self, route: Route, call: Call) -> Response:
        """Do the work of a call between the two places where it can be held."""
        await self._world.gate.wait(call.kind, "before")
        response = await route.handler(call)
        await self._world.gate.wait(call.kind, "after")
        return response


async def _typed(call: Call, route: Route) -> Call:
    """The call with the kind its body tells."""
    if route.kind_of is None:
        return call
    return replace(call, kind=await route.kind_of(call))
