"""The address of Dagster's webserver may hold a login, which nobody sees."""

from __future__ import annotations

import traceback

import pytest

from dc_assets.core.addresses import without_login
from dc_assets.core.errors import DcError
from dc_assets.wiring.dagster_api import Webserver

SECRET = "geheim"

FORMS = {
    "a login": f"http://me:{SECRET}@127.0.0.1:1",
    "percent-encoded": "http://me:%67eheim@127.0.0.1:1",
    "a token": f"http://{SECRET}@127.0.0.1:1",
    "an @ in it": f"http://me:a@{SECRET}@127.0.0.1:1",
    "a / in it": f"http://me:{SECRET}/x@127.0.0.1:1",
    "a number and a /": f"http://me:12/{SECRET}@127.0.0.1:1",
    "a ? in it": f"http://me:{SECRET}?x@127.0.0.1:1",
    "a # in it": f"http://me:{SECRET}#x@127.0.0.1:1",
    "as a query": f"http://127.0.0.1:1/?token={SECRET}",
    "as a port": f"http://127.0.0.1:{SECRET}",
    "a broken address": f"http://me:{SECRET}@[::1:1",
    "no scheme": f"me:{SECRET}@127.0.0.1:1",
    "another scheme": f"ftp://me:{SECRET}@127.0.0.1:1",
}


@pytest.mark.parametrize("url", FORMS.values(), ids=FORMS)
def test_no_form_of_an_address_shows_its_login(url: str) -> None:
    """Neither in the sentence of a webserver that does not answer, nor in links to its pages."""
    with pytest.raises(DcError) as caught:
        Webserver(url).launch("things", ["r1"], {})
    assert "DC_ASSETS_DAGSTER_URL" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in traceback.format_exception_only(caught.value)[-1]
    assert SECRET not in without_login(url)


def test_a_login_goes_with_each_request_and_stays_out_of_the_address() -> None:
    """A webserver behind a proxy that asks for one can be used."""
    webserver = Webserver(f"http://me:{SECRET}@127.0.0.1:1/ui/")
    assert webserver.url == "http://127.0.0.1:1/ui"
    assert webserver.page_of_run("r") == "http://127.0.0.1:1/ui/runs/r"
    webserver.close()
