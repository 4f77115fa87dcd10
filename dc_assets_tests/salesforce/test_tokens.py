"""A token is replaced before it ends, by whoever needs it first, once for all threads."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from dc_assets.salesforce.auth import Token, TokenStore, fetch_tenant_token
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.sign_in_answers import TenantToken
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.salesforce.test_wire import planted, said

URL = "https://tenant.c360a.salesforce.com"


class Mint:
    """Gives tokens of a life, and takes some time for each."""

    def __init__(self, clock: SimClock, lives_s: float | None, *, takes_s: float = 0.0) -> None:
        self.given: list[Token] = []
        self._clock, self._lives_s, self._takes_s = clock, lives_s, takes_s

    def __call__(self) -> Token:
        """Give the next token."""
        self._clock.sleep(self._takes_s)
        self.given.append(Token(f"token-{len(self.given)}", URL, lives_s=self._lives_s))
        return self.given[-1]


@pytest.mark.parametrize(
    ("lives_s", "last_s"), [(7200.0, 7079.0), (20.0, 17.9), (1.0, 0.89)], ids=str
)
def test_a_token_is_replaced_before_it_ends(lives_s: float, last_s: float) -> None:
    """Two minutes before, or in the last tenth of a short life."""
    clock = SimClock()
    mint = Mint(clock, lives_s)
    store = TokenStore(mint, clock.now_s)
    first = store.token()
    clock.sleep(last_s)
    assert store.token() is first
    clock.sleep(lives_s - last_s - 0.01)
    assert store.token() is mint.given[1]
    assert clock.now_s() < lives_s


def test_its_life_begins_before_it_was_asked_for() -> None:
    """An answer that took long has used up a part of it."""
    clock = SimClock()
    store = TokenStore(Mint(clock, 100.0, takes_s=60.0), clock.now_s)
    first = store.token()
    clock.sleep(31.0)
    assert store.token() is not first


def test_a_token_without_an_end_is_kept() -> None:
    """A session of the org is renewed when it is refused, and not before."""
    clock = SimClock()
    mint = Mint(clock, None)
    store = TokenStore(mint, clock.now_s)
    first = store.token()
    clock.sleep(10_000_000.0)
    assert store.token() is first
    assert store.token(stale=first) is mint.given[1]


def test_many_threads_replace_a_token_that_ends_once() -> None:
    """All of them come when it has ended."""
    clock = SimClock()
    mint = Mint(clock, 20.0)
    store = TokenStore(mint, clock.now_s)
    store.token()
    clock.sleep(20.0)
    barrier = Barrier(8)

    def use() -> None:
        barrier.wait()
        store.token()

    threads = [Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mint.given) == 2


def test_a_tenant_token_lives_as_long_as_the_exchange_says() -> None:
    """In seconds from now, whatever its form."""
    tenant = {"access_token": "t", "instance_url": "http://127.0.0.1:1", "expires_in": 7199}
    with planted(lambda _, __: said(tenant)) as org:
        tokens = TokenStore(lambda: Token("core", org.url))
        host = Host.at(org.url, sleep=lambda _: None)
        with host.client:
            assert fetch_tenant_token(host, tokens).lives_s == 7199.0


@pytest.mark.parametrize(
    ("told", "lives_s"),
    [
        (7200, 7200.0),
        ("7200", 7200.0),
        (0, None),
        (-1, None),
        (None, None),
        ("soon", None),
        ("nan", None),
        (1e300, None),
    ],
)
def test_an_expires_in_that_is_none_is_passed_over(told: object, lives_s: float | None) -> None:
    """A token is then good until it is refused: none is asked for without end."""
    answer = {"access_token": "t", "instance_url": URL, "expires_in": told}
    assert TenantToken.model_validate(answer).expires_in == lives_s
