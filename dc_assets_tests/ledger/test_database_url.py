"""The ledger's password is in no message, however its URL is written or broken."""

from __future__ import annotations

import traceback

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.database import Database
from dc_assets.ledger.database_url import harmless

SECRET = "geheim"

FORMS = {
    "a password": f"postgresql://u:{SECRET}@127.0.0.1:1/d",
    "percent-encoded": "postgresql://u:%67eheim@127.0.0.1:1/d",
    "an @ in it": f"postgresql://u:a@{SECRET}@127.0.0.1:1/d",
    "a / in it": f"postgresql://u:{SECRET}/x@127.0.0.1:1/d",
    "a / and an @ in it": f"postgresql://u:1/a@{SECRET}@127.0.0.1:1/d",
    "a # in it": f"postgresql://u:{SECRET}#x@127.0.0.1:1/d",
    "a ? in it": f"postgresql://u:{SECRET}?x@127.0.0.1:1/d",
    "as user": f"postgresql://{SECRET}@127.0.0.1:1/d",
    "as an option": f"postgresql://u@127.0.0.1:1/d?password={SECRET}",
    "as an option that libpq knows not": f"postgresql://u@127.0.0.1:1/d?x={SECRET}",
    "as a wrong value of an option": f"postgresql://u@127.0.0.1:1/d?sslmode={SECRET}",
    "as a port": f"postgresql://u@127.0.0.1:{SECRET}/d",
    "a broken address": f"postgresql://u:{SECRET}@[::1:1/d",
    "no scheme": f"u:{SECRET}@127.0.0.1/d",
    "one slash": f"postgresql:/u:{SECRET}@127.0.0.1/d",
    "a driver that is not there": f"postgresql+asyncpg://u:{SECRET}@127.0.0.1/d",
    "another database": f"mysql://u:{SECRET}@127.0.0.1/d",
    "an unknown database": f"{SECRET}://u@127.0.0.1/d",
    "of a file": f"sqlite://u:{SECRET}@127.0.0.1/d",
    "nothing else": SECRET,
}


@pytest.mark.parametrize("url", FORMS.values(), ids=FORMS)
def test_no_form_of_a_url_shows_its_password(url: str) -> None:
    """Neither the message nor an error that Dagster would store with it."""
    with pytest.raises(ConfigError) as caught:
        Database(url)
    message = str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "DC_ASSETS_LEDGER_URL" in message
    assert "\n" not in message


def test_words_of_a_driver_that_repeat_a_secret_are_not_shown() -> None:
    """Words that repeat none are: they say what is wrong."""
    url = f"postgresql://u:{SECRET}@h/d?sslpassword=noch-eins"
    assert harmless("connection refused\nmore", url) == "connection refused"
    for secret in (SECRET, "noch-eins"):
        assert secret not in harmless(f'FATAL: "{secret}" is wrong', url)
