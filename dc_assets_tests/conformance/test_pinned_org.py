"""A spec is held to its org, and a load in production asked for once, on any kind of ledger."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from dc_assets.core.organization import Organization, OrgKind
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.guard import OrgGuard
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.pinned_org import ProductionUnasked, WrongOrg, pin_loaded_orgs
from dc_assets.ledger.tables import load, pinned_org
from dc_assets.load.store import LoadRequest, Mode
from dc_assets_tests.fakes.ledgers import KEYS, OpenLedger
from dc_assets_tests.fakes.specs import content, small_spec

HERE = "00D000000000001EAA"
THERE = "00D000000000002EAA"
SAID = LoadRequest(production=True, partition_keys=KEYS)
AGAIN = LoadRequest(is_new=True, partition_keys=KEYS)


@pytest.fixture
def spec() -> LoadSpec:
    """A spec that no other test has pinned."""
    name = f"s{uuid.uuid4().hex[:12]}"
    return small_spec(name=name, partitions={"scheme": 1, "upper_bounds": ["g", "p"]})


def named(spec: LoadSpec, org_id: str) -> LoadSpec:
    """Return the spec with the org that it is for."""
    target = {**content()["target"], "org_id": org_id}
    return small_spec(name=spec.name, partitions=spec.partitions.model_dump(), target=target)


def guard(
    ledger: OpenLedger, spec: LoadSpec, org_id: str = HERE, kind: OrgKind = OrgKind.SANDBOX
) -> OrgGuard:
    """Return the guard in an org."""
    return OrgGuard(ledger.database, spec, Organization(org_id, f"{kind.name}.example", kind))


def in_production(ledger: OpenLedger, spec: LoadSpec, mode: Mode = "full") -> SqlLoadStore:
    """Return the loads of a spec that is pinned to a production org."""
    guard(ledger, spec, ledger.org_id, OrgKind.PRODUCTION).pin()
    return ledger.loads(spec=spec, mode=mode)


def test_the_first_load_pins_the_org(ledger: OpenLedger, spec: LoadSpec) -> None:
    """A look does not; another org is refused by a sentence that names both and the way out."""
    guard(ledger, spec, THERE).refuse_other()
    guard(ledger, spec).pin()
    guard(ledger, spec).refuse_other()
    other = guard(ledger, spec, THERE, OrgKind.PRODUCTION)
    for step in (other.refuse_other, other.pin):
        with pytest.raises(WrongOrg) as caught:
            step()
        said = str(caught.value)
        assert f"the sandbox {HERE} (SANDBOX.example) since 20" in said
        assert f"signed in to the production org {THERE} (PRODUCTION.example)" in said
        assert f"target.org_id: {THERE}" in said


def test_of_two_first_loads_in_two_orgs_one_is_refused(ledger: OpenLedger, spec: LoadSpec) -> None:
    """Whoever comes first pins, whatever both saw before."""
    guards = [guard(ledger, spec, org_id) for org_id in (HERE, THERE)]
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(one.pin) for one in guards]
        errors = [end.exception() for end in ends]
    assert [type(error) for error in errors if error] == [WrongOrg]


def test_the_org_of_the_spec_wins_and_moves_the_pin(ledger: OpenLedger, spec: LoadSpec) -> None:
    """In either form of its id; when the spec names none again, the pin is where it went."""
    guard(ledger, spec).pin()
    moved = named(spec, THERE[:15])
    guard(ledger, moved, THERE).refuse_other()
    guard(ledger, moved, THERE).pin()
    with pytest.raises(WrongOrg, match=rf"names the org {THERE[:15]} .*target.org_id: {HERE}"):
        guard(ledger, moved).refuse_other()
    guard(ledger, spec, THERE).refuse_other()
    with pytest.raises(WrongOrg):
        guard(ledger, spec).refuse_other()


def test_the_org_of_a_spec_is_no_part_of_what_is_sent(spec: LoadSpec) -> None:
    """To name it orphans no unfinished load."""
    assert named(spec, HERE).spec_hash == spec.spec_hash


@pytest.mark.parametrize("kind", [OrgKind.PRODUCTION, OrgKind.UNREADABLE])
def test_a_load_in_production_does_not_begin_unasked(
    ledger: OpenLedger, spec: LoadSpec, kind: OrgKind
) -> None:
    """Nor in an org that does not say; the sentence has the flag and the run config."""
    guard(ledger, spec, ledger.org_id, kind).pin()
    loads = ledger.loads(spec=spec)
    with pytest.raises(ProductionUnasked) as caught:
        loads.join_load(KEYS[0])
    for told in (ledger.org_id, "--production", "production: true", "target.org_id"):
        assert told in str(caught.value)
    assert loads.give_up_loads() == []


@pytest.mark.parametrize("kind", [OrgKind.SANDBOX, OrgKind.DEVELOPER])
def test_no_word_is_asked_for_where_no_business_runs(
    ledger: OpenLedger, spec: LoadSpec, kind: OrgKind
) -> None:
    """Sandboxes and Developer Edition orgs."""
    guard(ledger, spec, ledger.org_id, kind).pin()
    assert ledger.loads(spec=spec).join_load(KEYS[0])


def test_the_word_holds_for_its_load_and_no_other(ledger: OpenLedger, spec: LoadSpec) -> None:
    """A resume and further partitions do not ask; new loads, of other modes too, do."""
    loads = in_production(ledger, spec)
    assert loads.sends_unasked(LoadRequest(partition_keys=KEYS))
    first = loads.join_load(KEYS[0], SAID)
    assert {in_production(ledger, spec).join_load(key) for key in KEYS} == {first}
    assert not loads.sends_unasked(LoadRequest(partition_keys=KEYS))
    for mode in ("replay", "changed", "canary"):
        with pytest.raises(ProductionUnasked):
            in_production(ledger, spec, mode).join_load(KEYS[0])
    loads.give_up_loads()
    assert loads.sends_unasked(LoadRequest(partition_keys=KEYS))
    with pytest.raises(ProductionUnasked):
        loads.join_load(KEYS[0])


def test_a_pin_that_moved_meanwhile_answers_no_question(ledger: OpenLedger, spec: LoadSpec) -> None:
    """Two runs whose specs name two orgs: the sandbox of the other is no word for production."""
    loads = in_production(ledger, spec)
    guard(ledger, named(spec, THERE), THERE).pin()
    with pytest.raises(WrongOrg, match=f"goes to the org {ledger.org_id}. Nothing was sent"):
        loads.join_load(KEYS[0])
    assert loads.give_up_loads() == []


def test_what_was_sent_before_is_not_asked_for(ledger: OpenLedger, spec: LoadSpec) -> None:
    """A run that only asks the checks writes nothing; a new load of the partition does."""
    loads = in_production(ledger, spec)
    for key in KEYS:
        loads.finish_range(ledger.ticket(key, loads, SAID))
        ledger.checked(key, spec)
    assert loads.join_load(KEYS[0])
    assert not loads.sends_unasked(LoadRequest(partition_keys=KEYS))
    assert loads.sends_unasked(AGAIN)
    with pytest.raises(ProductionUnasked):
        loads.join_load(KEYS[0], AGAIN)


def test_a_ledger_of_an_older_program_pins_the_newest_orgs(
    ledger: OpenLedger, spec: LoadSpec
) -> None:
    """Its specs are held at once; what kind of org it is, is seen with the next load."""
    ledger.loads(spec=spec).join_load(KEYS[0])
    with ledger.database.begin() as connection:
        connection.execute(pinned_org.delete())
        pin_loaded_orgs(connection)
        held = connection.execute(
            sa.select(pinned_org).where(pinned_org.c.spec_name == spec.name)
        ).one()
        opened = sa.select(load.c.opened_at).where(load.c.spec_name == spec.name)
        assert held.pinned_at == connection.execute(opened).scalar_one()
        others = pinned_org.c.spec_name != spec.name  # of tests that share the server
        connection.execute(pinned_org.delete().where(others))
    assert held.org_id == ledger.org_id
    with pytest.raises(WrongOrg, match=f"go to the org {ledger.org_id} since"):
        guard(ledger, spec, THERE).refuse_other()
    with pytest.raises(ProductionUnasked):
        in_production(ledger, spec).join_load(KEYS[0])
