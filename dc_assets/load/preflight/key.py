"""Rules for the external id, by which rows are upserted, answered and proved.

Source: "Upsert" of the Bulk API 2.0 Developer Guide v66; sObject Describe, REST API Developer
Guide. Result files write a Number key as a double, such as 9.12E8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import KEY_TYPES, TargetDescription, TargetField
from dc_assets.core.value_kinds import OF_TARGET
from dc_assets.load.preflight.findings import Advice, Finding


@dataclass(frozen=True, slots=True)
class KeyRule:
    """One thing that may be wrong with the external id; the texts are filled with its names."""

    advice: Advice
    is_broken: Callable[[TargetField], bool]
    reason: str
    remedy: str = ""
    bars: bool = False


RULES = (
    KeyRule(
        Advice.STOP,
        lambda field: OF_TARGET.get(field.type) == "number",
        "{field} is a number field ({type}), and the external id must be Text or Email: the org "
        "answers such a key as 9.12E8, so no row could be told from its answer.",
        "Make a Text field an External ID, and map {source} to it.",
        bars=True,
    ),
    KeyRule(
        Advice.STOP,
        lambda field: bool(field.type) and field.type not in KEY_TYPES,
        "{field} is a {type} field, and the external id must be Text or Email.",
        "Make a Text field an External ID, and map {source} to it.",
        bars=True,
    ),
    KeyRule(
        Advice.STOP,
        lambda field: not field.names_records,
        "{field} is not an External ID field.",
        "Tick External ID (and Unique) on the field in the org, or name another one.",
    ),
    KeyRule(
        Advice.STOP,
        lambda field: bool(field.encrypted) or field.filterable is False,
        "{field} cannot be filtered in a query (encrypted, or filterable is false): rows would "
        "land, and nothing could be proved of them.",
        "Use a field without encryption as external id.",
        bars=True,
    ),
    KeyRule(
        Advice.STOP,
        lambda field: bool(field.auto_number) or bool(field.calculated),
        "{field} is filled by the org, so no row could bring its own id.",
        "Use a Text field that the load fills as external id.",
    ),
    KeyRule(
        Advice.STOP,
        lambda field: field.createable is False,
        "Our user may not write {field}, so no row could bring its id.",
        "Give the integration user the right to edit it (field-level security, in a permission "
        "set).",
    ),
    KeyRule(
        Advice.CARE,
        lambda field: field.unique is False,
        "{field} is not unique: as soon as two records have one id, the org refuses its rows "
        "(DUPLICATE_EXTERNAL_ID).",
        "Tick Unique on the field in the org.",
    ),
    KeyRule(
        Advice.GO,
        lambda field: field.case_sensitive is True,
        "{field} tells upper from lower case: ids that differ in case only are two records.",
    ),
)
"""Those that fit are said, up to the first STOP."""


def findings_of_key(spec: LoadSpec, described: TargetDescription) -> Iterator[Finding]:
    """Judge the field that rows are matched by; one that nobody sees is judged as a column."""
    target = spec.target.external_id
    field = described.object.fields.get(target)
    if field is None:
        return
    if spec.target.operation == "update":  # which need not write it
        field = replace(field, createable=None, auto_number=None, calculated=None)
    words = {
        "field": f"{spec.target.object}.{target}",
        "type": field.type,
        "source": spec.source.key,
    }
    for rule in RULES:
        if rule.is_broken(field):
            yield Finding(
                rule.advice,
                rule.reason.format_map(words),
                rule.remedy.format_map(words),
                column=target,
                setting=("target", "external_id"),
                bars=rule.bars,
            )
            if rule.advice is Advice.STOP:
                return
