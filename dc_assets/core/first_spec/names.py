"""What names of columns and fields tell: which mean the same, and which nobody made by hand.

Source: names of data model objects, "Data Model Objects" of the Data 360 Developer Guide.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SUFFIX = re.compile(r"__(?:c|r|pc|x)$", re.IGNORECASE)
_NAMESPACE = re.compile(r"^[A-Za-z][A-Za-z0-9]{0,14}__(?=.)")

MADE_BY_DATA_CLOUD = frozenset(
    {"datasource", "datasourceid", "datasourceobject", "datasourceobjectid"}
    | {"internalorganization", "internalorganizationid"}
)
"""Columns that Data Cloud adds to each object, as `plain` writes them."""

_MADE_PREFIXES = ("kq_", "cdp_sys_")
"""Key qualifiers and bookkeeping; no column of a user may begin so."""

MODIFIED = (
    *("systemmodstamp", "lastmodifieddate", "lastmodified", "lastmodifiedat"),
    *("modifieddate", "modifiedat", "modified", "lastupdateddate", "lastupdated"),
    *("updateddate", "updatedat", "updated", "lastupdatedat", "lastmodifieddatetime"),
)
"""Names of the time of a row's last change, the surest first."""

KEY_ENDS = ("id", "key", "number", "code", "uuid", "guid")


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """Return what is left of a name when case, signs, namespace and suffix do not count.

    >>> plain("External_ID__c"), plain("ssot__LastName__c"), plain("close date"), plain("Boss__r")
    ('externalid', 'lastname', 'closedate', 'boss')
    """
    bare = _SUFFIX.sub("", name)
    if bare != name or name.casefold().startswith("ssot__"):
        bare = _NAMESPACE.sub("", bare)
    return "".join(sign for sign in bare.casefold() if sign.isalnum())


def is_made_by_data_cloud(name: str) -> bool:
    """Tell whether Data Cloud added a column by itself.

    >>> is_made_by_data_cloud("KQ_ExternalId__c"), is_made_by_data_cloud("DataSource__c")
    (True, True)
    """
    bare = name.casefold().removeprefix("ssot__")
    return bare.startswith(_MADE_PREFIXES) or plain(name) in MADE_BY_DATA_CLOUD


def is_keylike(name: str) -> bool:
    """Tell whether a column is called as keys are.

    >>> is_keylike("Order_Number__c"), is_keylike("Amount__c")
    (True, False)
    """
    return plain(name).endswith(KEY_ENDS)


def modified_rank(name: str) -> int | None:
    """Return how surely a column holds the time of the last change, 0 for the surest."""
    found = plain(name)
    return MODIFIED.index(found) if found in MODIFIED else None
