"""Whether the order of loads knows the parents that describe knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dc_assets.core.load_order import ancestors_of, may_share_org, order_of
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import FilledField, TargetDescription
from dc_assets.load.preflight.findings import Advice, Finding


def findings_of_order(
    spec: LoadSpec, described: TargetDescription, specs: Sequence[LoadSpec]
) -> Iterator[Finding]:
    """Warn of parents that another load of the project writes and this one does not wait for.

    Where the spec says `after`, a person has decided.
    """
    if spec.after is not None:
        return
    before = {spec.name, *ancestors_of(spec.name, order_of(specs))}
    for number, column in enumerate(spec.columns):
        leads_to = _parent_object(described.filled_by(column.target))
        late = [
            one.name
            for one in specs
            if one.target.object == leads_to != spec.target.object
            and one.name not in before
            and may_share_org(spec, one)
        ]
        if late:
            yield Finding(
                Advice.CARE,
                f"{column.target} names records of {leads_to}, which the load {late[0]} brings "
                "over. The relation is not called like the object, so the order of loads does not "
                "know it, and this load may begin first.",
                f"Write `after: [{', '.join(late)}]` into the spec, or `after: []` if they are "
                "there already.",
                column=column.target,
                setting=("columns", number),
            )


def _parent_object(filled: FilledField) -> str:
    """Return the object that a relationship leads to; "" for none, or if it is not known."""
    if filled.parent is not None or not filled.path.relationship or filled.field is None:
        return "" if filled.parent is None else filled.parent.name
    [*kinds] = filled.field.reference_to
    return kinds[0] if len(kinds) == 1 else ""
