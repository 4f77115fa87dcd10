"""Whatever stands in the ledger's URL: it is opened, or refused in one sentence without secrets."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.database import Database

SECRET = "a-secret-of-the-ledger"
URLS = [
    f"mysql://dc:{SECRET}@127.0.0.1/dc",
    f"oracle://dc:{SECRET}@127.0.0.1/dc",
    f"mssql+pyodbc://dc:{SECRET}@127.0.0.1/dc",
    f"nodb://dc:{SECRET}@127.0.0.1/dc",
    f"sqlite+aiosqlite:///{SECRET}.db",
    f"sqlite+pysqlcipher://:{SECRET}@/x.db",
    f"postgresql+asyncpg://dc:{SECRET}@127.0.0.1/dc",
    f"postgresql+psycopg://dc:{SECRET}@127.0.0.1/dc",
    f"postgres://dc:{SECRET}@127.0.0.1:1/dc",
    f"postgresql://dc:{SECRET}@127.0.0.1:1/dc",
    f"postgresql://dc:{SECRET}@127.0.0.1:port/dc",
    f"postgresql://dc:{SECRET}@127.0.0.1:999999/dc",
    f"postgresql://dc:{SECRET}@[::1:1/dc",
    f"postgresql://dc:{SECRET}@127.0.0.1:1/dc\x00",
    f"sqlite://{SECRET}/x.db",
    "sqlite:////proc/nothing/x.db",
    "sqlite:////proc/x.db\x00",
    "sqlite:////proc/x.db?timeout=soon",
    f"sqlite:////proc/x.db?uri=true&x={SECRET}",
    SECRET,
    "",
    "://",
]


def opened_or_refused(url: str) -> None:
    """Open a ledger; fail unless what is refused is refused in one sentence."""
    try:
        Database(url).close()
    except ConfigError as error:
        said = str(error)
    else:
        return
    assert "DC_ASSETS_LEDGER_URL" in said or "DC_ASSETS_DATA" in said
    assert "\n" not in said
    assert SECRET not in said


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
@pytest.mark.parametrize("url", URLS)
def test_a_url_that_is_no_ledger_is_refused(url: str) -> None:
    """None of these can be opened, and none is a traceback."""
    with pytest.raises(ConfigError):
        Database(url)
    opened_or_refused(url)


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
@settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(["sqlite", "mysql", "nodb", "postgres+x", "sqlite+pysqlite", "x y"]),
    st.sampled_from([":///", "://", ":/", ":", f"://u:{SECRET}@h:1/", f"://u:{SECRET}@/"]),
    st.text(max_size=12).filter(lambda text: "/" not in text),
    st.sampled_from(["", "?timeout=1", "?timeout=x", "?uri=true", "?mode=ro", f"?x={SECRET}"]),
)
def test_a_url_of_any_pieces(tmp_path: Path, scheme: str, middle: str, path: str, end: str) -> None:
    """Only files are opened; every other text is a sentence."""
    with chdir(tmp_path):
        opened_or_refused(f"{scheme}{middle}{path}{end}")
