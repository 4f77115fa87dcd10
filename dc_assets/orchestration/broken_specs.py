"""What stands in the UI for a spec file that is no load: an asset with a red check that says why.

The asset of the load itself is absent: nobody can start it by a spec that cannot be read.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from dc_assets.core.printable import markdown_code, printable

GROUP = "broken_specs"
CHECK = "can_be_loaded"
WHY = "dc_assets/broken"
"""Metadata of what stands for a file: the sentence. By it the sensor finds all of them."""

EVERY_S = 30


def stand_ins(broken: Mapping[Path, str], key_prefix: Sequence[str] = ()) -> dg.Definitions:
    """Return an asset for each broken file, and the sensor that makes them red; nothing for none.

    ``broken`` says why in one sentence for each file.
    """
    if not broken:
        return dg.Definitions()
    said: dict[dg.AssetKey, str] = {}
    for file, sentence in broken.items():
        key = key_of(file, key_prefix)
        before = f"{said[key]} " if key in said else ""
        said[key] = before + printable(sentence)
    return dg.Definitions(
        assets=[_asset(key, sentence) for key, sentence in said.items()],
        asset_checks=[_check(key, sentence) for key, sentence in said.items()],
        sensors=[broken_specs],
    )


def key_of(file: Path, key_prefix: Sequence[str] = ()) -> dg.AssetKey:
    """Return the key of what stands for a file, in the signs that Dagster has for names.

    >>> key_of(Path("/loads/our things.yaml")).to_user_string()
    'broken_specs/our_things'
    """
    return dg.AssetKey([*key_prefix, GROUP, re.sub(r"[^A-Za-z0-9_]", "_", file.stem)])


def _asset(key: dg.AssetKey, sentence: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        group_name=GROUP,
        kinds={"yaml"},
        description=f"This load is absent, because its spec is broken: {markdown_code(sentence)}\n"
        "\nCorrect the file, then reload the code location. The other loads are not affected.",
        metadata={WHY: dg.MetadataValue.text(sentence)},
    )


def _check(key: dg.AssetKey, sentence: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=key, name=CHECK, description="Whether the spec is a load.")
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, metadata={"why": sentence})

    return check


@dg.sensor(
    name=GROUP,
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Says which load specs are broken, and why. It is absent when none is.",
)
def broken_specs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Make the checks red without a run, once for each thing that is to be said."""
    said = _said(context.repository_def)
    digest = hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()
    is_known = context.cursor == digest
    return dg.SensorResult(
        skip_reason=" ".join(said.values()),
        cursor=digest,
        asset_events=[
            dg.AssetCheckEvaluation(
                asset_key=key, check_name=CHECK, passed=False, metadata={"why": sentence}
            )
            for key, sentence in said.items()
            if not is_known
        ],
    )


def _said(repository: dg.RepositoryDefinition | None) -> Mapping[dg.AssetKey, str]:
    """Return why specs are broken, by the key of what stands for each."""
    assets = repository.assets_defs_by_key.items() if repository is not None else ()
    metadata = {key: asset.metadata_by_key.get(key, {}) for key, asset in assets}
    return {key: str(texts[WHY].value) for key, texts in metadata.items() if WHY in texts}
