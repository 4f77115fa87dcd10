"""What the org says of itself: versions, objects, fields, limits."""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.errors import APIError, not_found
from dc_assets.emulator.routes.http import VERSION_MAX, VERSION_MIN, Call, Route, json_answer
from dc_assets.emulator.routes.identity import identity_url
from dc_assets.emulator.schema import Field, ObjectType
from dc_assets.emulator.world import World

SEASONS = ("Winter", "Spring", "Summer")
FIRST_SEASON_YEAR = 21
"""Version 50.0 is Winter '21."""

SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "double": "xsd:double",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "boolean": "xsd:boolean",
}
MASTER_RECORD_TYPE = "012000000000000AAA"
"""The record type of each object, and the only one of most."""

LIMITS = {
    "DailyBulkV2QueryJobs": 10_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DataStorageMB": 10_240,
    "FileStorageMB": 10_240,
    "DailyAsyncApexExecutions": 250_000,
    "ConcurrentAsyncGetReportInstances": 200,
}
"""Limits with their maximum; what is counted is subtracted."""

RECORD_KB = 2
"""Storage of one record, as the org bills it."""


async def versions(call: Call) -> Response:
    """GET /services/data; needs no token."""
    entries: list[dict[str, str]] = []
    for version in range(VERSION_MIN, VERSION_MAX + 1):
        year, season = divmod(version - VERSION_MIN, len(SEASONS))
        label = f"{SEASONS[season]} '{FIRST_SEASON_YEAR + year}"
        url = f"/services/data/v{version}.0"
        entries.append({"label": label, "url": url, "version": f"{version}.0"})
    del call
    return json_answer(entries)


async def resources(call: Call) -> Response:
    """GET /services/data/vNN.0."""
    names = ("jobs", "limits", "query", "queryAll", "sobjects")
    body = {name: f"{call.base}/{name}" for name in names}
    body["identity"] = identity_url(call.world.address)
    return json_answer(body)


async def all_objects(call: Call) -> Response:
    """GET /sobjects."""
    entries = [object_entry(item, call.base) for item in call.world.schema.objects]
    return json_answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})


def object_entry(item: ObjectType, base: str) -> dict[str, object]:
    """What the list of all objects says of one."""
    url = f"{base}/sobjects/{item.name}"
    return {
        "name": item.name,
        "label": item.label,
        "labelPlural": item.plural,
        "keyPrefix": item.key_prefix,
        "custom": item.name.endswith("__c"),
        "customSetting": False,
        "createable": item.may("create"),
        "updateable": item.may("edit"),
        "deletable": not item.is_setup,
        "queryable": True,
        "retrieveable": True,
        "searchable": True,
        "undeletable": not item.is_setup,
        "triggerable": True,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


async def describe(call: Call) -> Response:
    """GET /sobjects/X/describe."""
    item = call.world.schema.find(call.parts["object"])
    if item is None:
        raise not_found()
    children = [
        {
            "childSObject": child.name,
            "field": field.name,
            "relationshipName": child.plural,
            "cascadeDelete": False,
            "deprecatedAndHidden": False,
            "restrictedDelete": False,
        }
        for child in call.world.schema.objects
        for field in child.fields
        if item.name in field.refers_to
    ]
    kinds = await run_in_threadpool(partial(_record_types, call.world, item, call.base))
    body = object_entry(item, call.base) | {
        "childRelationships": children,
        "fields": [field_entry(field) for field in item.fields],
        "recordTypeInfos": kinds,
    }
    return json_answer(body)


def _record_types(world: World, item: ObjectType, base: str) -> list[dict[str, object]]:
    """The record types of an object, and the one that each object has."""
    reference = item.field("RecordTypeId")
    default = reference.default if reference is not None else ""
    sql = (
        'SELECT "Id", "Name", "DeveloperName", "IsActive" FROM "RecordType" '
        'WHERE "SobjectType" = ? AND NOT "IsDeleted" ORDER BY "Id"'
    )
    with world.core.database.session() as session:
        found = session.rows(sql, item.name) if world.schema.whole("RecordType") else []
    return [
        {
            "active": bool(active),
            "available": True,
            "defaultRecordTypeMapping": record_id == (default or MASTER_RECORD_TYPE),
            "developerName": developer_name,
            "master": record_id == MASTER_RECORD_TYPE,
            "name": name,
            "recordTypeId": record_id,
            "urls": {"layout": f"{base}/sobjects/{item.name}/describe/layouts/{record_id}"},
        }
        for record_id, name, developer_name, active in [
            *found,
            (MASTER_RECORD_TYPE, "Master", "Master", True),
        ]
    ]


def field_entry(field: Field) -> dict[str, object]:
    """What describe says of one field."""
    has_values = field.type in {"picklist", "multipicklist", "combobox"}
    values = [
        {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
        for value in field.values
        if has_values
    ]
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "byteLength": field.length * 3,
        "precision": field.precision if field.type != "int" else 0,
        "scale": field.scale,
        "digits": 8 if field.type == "int" else 0,
        "nillable": not field.required and field.type != "boolean",
        "defaultedOnCreate": field.is_defaulted,
        "createable": field.createable,
        "updateable": field.updateable,
        "calculated": field.calculated,
        "calculatedFormula": field.formula if field.calculated else None,
        "autoNumber": bool(field.auto_number),
        "custom": field.name.endswith("__c"),
        "externalId": field.external_id,
        "idLookup": field.id_lookup,
        "unique": field.unique,
        "caseSensitive": field.case_sensitive and field.external_id,
        "encrypted": field.encrypted,
        "referenceTo": list(field.refers_to),
        "polymorphicForeignKey": field.is_polymorphic,
        "relationshipName": field.relationship or None,
        "restrictedPicklist": field.restricted,
        "picklistValues": values,
        "filterable": field.filterable,
        "groupable": field.groupable,
        "sortable": field.sortable,
        "aggregatable": field.is_aggregatable,
        "permissionable": field.writable and not field.required,
        "defaultValue": field.default or None,
        "inlineHelpText": None,
    }


def may(world: World, permission: str) -> bool:
    """Whether the user has a system permission: what UserPermissionAccess says of it."""
    sql = f'SELECT count(*) FROM "UserPermissionAccess" WHERE "Permissions{permission}"'  # noqa: S608 - a name of ours
    with world.core.database.session() as session:
        return bool(session.one(sql)[0])


async def limits(call: Call) -> Response:
    """GET /limits."""
    world = call.world
    if not await run_in_threadpool(partial(may, world, "ViewSetup")):
        raise APIError(403, "FORBIDDEN", "You do not have access to this resource")
    loaded = (item for item in world.schema.stored if not item.is_setup)
    records = sum(world.core.count(item) for item in loaded)
    used = {
        "DailyBulkV2QueryJobs": len(world.jobs.all("query")),
        "DataStorageMB": records * RECORD_KB // 1024,
    }
    options = world.options
    batches = world.core.commit_count()
    if world.faults.has("daily_batches"):
        batches = options.daily_batches_max
    body: dict[str, object] = {
        "DailyApiRequests": _limit(options.api_requests_max, world.calls.api_total),
        "DailyBulkApiBatches": _limit(options.daily_batches_max, batches),
    }
    for name, maximum in LIMITS.items():
        body[name] = _limit(maximum, used.get(name, 0))
    return json_answer(body)


def _limit(maximum: int, used: int) -> dict[str, int]:
    return {"Max": maximum, "Remaining": max(0, maximum - used)}


BASE = "/services/data/v{version}"
ROUTES = (
    Route("GET", "/services/data", "other", versions, needs_token=False),
    Route("GET", BASE, "other", resources),
    Route("GET", f"{BASE}/sobjects", "describe", all_objects),
    Route("GET", f"{BASE}/sobjects/{{object}}/describe", "describe", describe),
    Route("GET", f"{BASE}/limits", "limits", limits),
)
