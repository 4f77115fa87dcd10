"""The version of Salesforce's REST and Bulk API that is spoken."""

from __future__ import annotations

import re

from dc_assets.core.errors import ConfigError

API_VERSION = "SF_API_VERSION"
TESTED_VERSION = "64.0"
"""What the tests speak; a newer one is taken when it is asked for, not because an org has it."""

VERSION_FORM = re.compile(r"v?([1-9][0-9]{1,2})(?:\.0)?", re.IGNORECASE)


def version_of(text: str) -> str:
    """Return a version in the form of a path, without the v; the tested one for no text.

    Raises:
        ConfigError: it is no version.

    >>> version_of("v64"), version_of(" 65.0 "), version_of("")
    ('64.0', '65.0', '64.0')
    """
    if not text.strip():
        return TESTED_VERSION
    found = VERSION_FORM.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"{API_VERSION} is a version of Salesforce's API such as {TESTED_VERSION}, "
            f"not {text[:40]!r}."
        )
    return f"{found[1]}.0"
