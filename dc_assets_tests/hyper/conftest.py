"""The emulated tenant and, where it is installed, the real Hyper, with the same object."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.hyper.engine import Hyper, is_there
from dc_assets_tests.hyper.tenant import Tenant
from dc_assets_tests.hyper.texts import made

NO_HYPER = "the real Hyper is not installed: pip install -e '.[dev,hyper]'"


@pytest.fixture(scope="package")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """An emulated tenant with the object."""
    tenant = Tenant(tmp_path_factory.mktemp("tenant"))
    yield tenant
    tenant.store.close()


@pytest.fixture(scope="package")
def hyper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hyper]:
    """A real Hyper with the object."""
    if not is_there():
        pytest.skip(NO_HYPER)
    with Hyper(tmp_path_factory.mktemp("hyper")) as hyper:
        for statement in made():
            hyper.run(statement)
        yield hyper
