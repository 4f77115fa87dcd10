"""The report as one HTML file: tables, plots as inline SVG, no script, nothing to fetch."""

from __future__ import annotations

import json
from collections.abc import Iterable

import yaml

from dc_assets.core.durations import duration
from dc_assets.pages.page_files import templates
from dc_assets.pages.report_facts import ReportFacts
from dc_assets.pages.report_plots import calls_plot, past_plot, sending_plots
from dc_assets.pages.report_sending import moment_text

NOTHING = "-"


def page_of(facts: ReportFacts) -> str:
    """Return the page."""
    spec = None if facts.load.spec_json is None else json.loads(facts.load.spec_json)
    pages = templates(
        n=_number,
        moment=_moment,
        duration=_duration,
        ratio=_ratio,
        decimals=_decimals,
        percent=_percent,
        sum_of=_sum_of,
    )
    return pages.get_template("report_page.html").render(
        facts=facts,
        spec=None if spec is None else yaml.safe_dump(spec, sort_keys=False, allow_unicode=True),
        codes_left_out=facts.totals.refused - sum(code.rows for code in facts.refusals),
        sending_plots=sending_plots(facts),
        calls_plot=calls_plot(facts),
        past_plot=past_plot(facts),
    )


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def _decimals(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.1f}"


def _ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _moment(seconds: float | None) -> str:
    return NOTHING if seconds is None else moment_text(seconds)


def _duration(seconds: float | None) -> str:
    return NOTHING if seconds is None else duration(seconds)


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f} %"


def _sum_of(lines: Iterable[object], name: str) -> int | None:
    """Add up a figure of lines; None when no line has it."""
    known = [value for value in (getattr(line, name) for line in lines) if value is not None]
    return sum(known) if known else None
