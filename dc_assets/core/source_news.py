"""What the looks at a source told so far, so that each thing is told once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceNews:
    """What a sensor keeps from one look at a source to the next.

    Attributes:
        version: name of the newest state of the source that no load had seen; "" before the first.
        rows: rows of the source; None while the look leaves partitions out.
    """

    version: str = ""
    rows: int | None = None

    @classmethod
    def of(cls, text: str | None) -> SourceNews:
        """Read what `text` wrote.

        >>> SourceNews.of(SourceNews("ab", 3).text), SourceNews.of(None)
        (SourceNews(version='ab', rows=3), SourceNews(version='', rows=None))
        """
        version, _, rows = (text or "").partition(" ")
        return cls(version, int(rows) if rows.isdigit() else None)

    @property
    def text(self) -> str:
        """The news as a sensor's cursor."""
        return f"{self.version} {'' if self.rows is None else self.rows}"

    def after(self, load: str, changed: Mapping[str, str], rows: int | None) -> SourceNews:
        """Return the news after one more look of a load.

        ``changed`` holds the states of the partitions that are not as they were when both sides
        last agreed. A load that brings them over is no change of the source.
        """
        if not changed:
            return SourceNews(self.version, rows)
        said = repr((load, sorted(changed.items())))
        return SourceNews(hashlib.sha256(said.encode()).hexdigest()[:16], rows)
