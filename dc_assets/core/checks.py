"""The asset checks of a spec: their names and what each promises."""

from __future__ import annotations

from collections.abc import Mapping

from dc_assets.core.spec import LoadSpec, check_name

ROW_COUNT = "row_count_matches"


COVERAGE = "no_coverage_gaps"


DUPLICATES = "no_duplicate_external_ids"


VALUES = "values_match"


OUTGROWN = "range_not_outgrown"


PENDING = "nothing_pending"


OUTCOME = "outcome"
"""Name of the metadata that says in Dagster how a check ended, in our own words."""


def check_descriptions(spec: LoadSpec) -> Mapping[str, str]:
    """Return every check of a spec, in the order they are evaluated, with what it promises."""
    descriptions = {ROW_COUNT: "Source and target hold the same number of rows of the range"}
    for field in spec.checks.distributions:
        descriptions[check_name(field)] = f"Both sides count the same rows for each {field}"
    descriptions[COVERAGE] = "Each external id of the source is in the target, and no other"
    descriptions[DUPLICATES] = "No external id stands twice on either side, case aside"
    if spec.checks.values != "none":
        descriptions[VALUES] = "Each mapped field has the same value on both sides"
    descriptions[OUTGROWN] = "The partition has not many times the rows of the others"
    descriptions[PENDING] = "Each row of the newest load has an outcome, and few were refused"
    return descriptions
