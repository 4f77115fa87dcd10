"""What a look at a source tells Dagster of it, beside the runs that it asks for.

A change is a materialization of the source by somebody else: Dagster 1.13 compares no other event
of an external asset with what its readers were made from. The rest is an observation, which starts
nothing. Source: `CachingStaleStatusResolver` of Dagster 1.13.27.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from dc_assets.core.printable import markdown_code
from dc_assets.core.source_news import SourceNews
from dc_assets.core.spec import LoadSpec
from dc_assets.orchestration.lineage import ROWS, source_columns, source_key
from dc_assets.orchestration.placing import PlacedLoad, loads_in

if TYPE_CHECKING:
    from dc_assets.wiring.source_look import Seen

DATA_VERSION = "dagster/data_version"
"""Tag of an event: what staleness compares."""

Events = Sequence[dg.AssetMaterialization | dg.AssetObservation]


def told_of_source(
    placed: PlacedLoad, seen: Seen, context: dg.SensorEvaluationContext
) -> tuple[Events, str]:
    """Return the events of one look, none when it saw nothing new, and the sensor's next cursor."""
    spec, look, last = placed.spec, seen.look, SourceNews.of(context.cursor)
    changed = {key: now for key, now in look.states.items() if now != seen.proved.get(key)}
    rows = look.rows if set(look.states) == set(spec.ranges) else None
    news = last.after(changed, rows)
    key = source_key(spec.source)
    if news.seen != last.seen:
        readers = _readers_of(key, context)
        event = dg.AssetMaterialization(
            key,
            metadata={**_metadata(spec, news, changed), **source_columns(readers)},
            tags={DATA_VERSION: news.version},
        )
        return [event], news.text
    if news.rows != last.rows:
        return [dg.AssetObservation(key, metadata=_metadata(spec, news, changed))], news.text
    return (), news.text


def _metadata(
    spec: LoadSpec, news: SourceNews, changed: Mapping[str, str]
) -> Mapping[str, dg.MetadataValue]:
    told: dict[str, dg.MetadataValue] = {"looked at by": dg.MetadataValue.text(spec.name)}
    if news.rows is not None:
        told[ROWS] = dg.MetadataValue.int(news.rows)
    if spec.source.where is not None:
        told["rows that count"] = dg.MetadataValue.md(markdown_code(spec.source.where))
    if changed:
        told["changed partitions"] = dg.MetadataValue.text(", ".join(changed))
    return told


def _readers_of(key: dg.AssetKey, context: dg.SensorEvaluationContext) -> Sequence[LoadSpec]:
    """Return all loads of the code location that read a source."""
    placed = loads_in(context.repository_def)
    return [one.spec for one in placed if source_key(one.spec.source) == key]
