"""Makes a message of a notification: one text file for each kind, its first line is the subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment

from dc_assets.core.events import Event
from dc_assets.core.printable import printable
from dc_assets.delivery.channels import Message

PACKAGED = Path(__file__).parent / "templates"
SUBJECT = "Subject:"
SUBJECT_CHARS_MAX = 200


class Templates:
    """The packaged templates, and those of a folder in their place.

    A template of the folder that fails is complained of, and the packaged one is used: a wrong
    template loses no notification.
    """

    def __init__(self, folder: Path | None = None, *, dagster_url: str = "") -> None:
        self._packaged = _environment(PACKAGED)
        self._own = _environment(folder) if folder else None
        self._dagster_url = dagster_url
        self.complaints: list[str] = []
        if folder and not folder.is_dir():
            self.complaints.append(f"DC_ASSETS_TEMPLATES is not a folder: {folder}.")

    def message(self, notice: Event) -> Message:
        """Return a notification as it is sent."""
        text = self._of_the_folder(notice) or self._rendered(self._packaged, notice)
        first, _, body = text.partition("\n")
        return Message(
            identity=notice.identity,
            subject=_line(first.removeprefix(SUBJECT))[:SUBJECT_CHARS_MAX],
            body=body.strip() + "\n",
            noticed_at=notice.noticed_at,
        )

    def _of_the_folder(self, notice: Event) -> str:
        """Return the text by the folder's template, "" if there is none that works."""
        if self._own is None:
            return ""
        try:
            text = self._rendered(self._own, notice)
        except TemplateNotFound:
            return ""
        except TemplateError as error:
            return self._complain(notice, error.message or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - what an operator writes may fail in any way
            return self._complain(notice, type(error).__name__)
        if not text.startswith(SUBJECT):
            return self._complain(notice, f"its first line does not begin with {SUBJECT}")
        return text

    def _complain(self, notice: Event, why: str) -> str:
        self.complaints.append(
            f"The template {notice.kind}.txt of DC_ASSETS_TEMPLATES cannot be used ({_line(why)}); "
            "the packaged one is."
        )
        return ""

    def _rendered(self, environment: SandboxedEnvironment, notice: Event) -> str:
        facts = {name: _clean(fact) for name, fact in notice.facts.items()}
        facts = {"kind": notice.kind, "load": notice.spec_name, **facts}
        facts["link"] = self._link(facts.get("page", ""))
        return environment.get_template(f"{notice.kind}.txt").render(facts).strip()

    def _link(self, page: str) -> str:
        """Return where Dagster shows it, "" if nobody said where Dagster is."""
        return f"{self._dagster_url}/{page}" if self._dagster_url else ""


def _environment(folder: Path) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(folder),
        autoescape=False,  # plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, percent=_percent, duration=_duration)
    return environment


def _number(value: float) -> str:
    """Write a number of rows.

    >>> _number(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def _percent(share: float) -> str:
    """Write a share; a load that lost one row of a million is not said to be whole.

    >>> _percent(0.9999999), _percent(0.5), _percent(1)
    ('99.9 %', '50.0 %', '100.0 %')
    """
    return f"{min(share, 0.999) if share < 1 else 1.0:.1%}".replace("%", " %")


def _duration(seconds: float) -> str:
    """Write a duration.

    >>> _duration(59.6), _duration(61), _duration(3_725)
    ('1 min 0 s', '1 min 1 s', '1 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 - minutes of an hour


def _line(text: str) -> str:
    r"""Return a text as one line without control characters: it may stand in a header.

    >>> _line("a\r\nBcc: b")
    'a\\r\\nBcc: b'
    """
    return " ".join(printable(text).split())


def _clean(fact: Any) -> Any:  # noqa: ANN401 - facts are JSON
    """Show the control characters of texts, inside lists and mappings too."""
    if isinstance(fact, str):
        return printable(fact)
    if isinstance(fact, list):
        return [_clean(part) for part in fact]  # pyright: ignore[reportUnknownVariableType] - JSON
    if isinstance(fact, dict):
        return {_clean(k): _clean(v) for k, v in fact.items()}  # pyright: ignore[reportUnknownVariableType] - JSON
    return fact
