"""What the looks at a source told so far, so that each thing is told once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from dc_assets.core.refresh import state_id


@dataclass(frozen=True, slots=True)
class SourceNews:
    """What a sensor keeps from one look at a source to the next.

    Attributes:
        seen: by partition, name of the newest state that no load had seen at the time.
        rows: rows of the source; None while the look leaves partitions out.
    """

    seen: Mapping[str, str] = field(default_factory=dict[str, str])
    rows: int | None = None

    @classmethod
    def of(cls, text: str | None) -> SourceNews:
        """Read what `text` wrote.

        >>> SourceNews.of(SourceNews({"r1-01": "ab"}, 3).text), SourceNews.of(None)
        (SourceNews(seen={'r1-01': 'ab'}, rows=3), SourceNews(seen={}, rows=None))

        A cursor that somebody set by hand says nothing.

        >>> SourceNews.of("from the start")
        SourceNews(seen={}, rows=None)
        """
        with suppress(ValueError, TypeError):
            return cls(**json.loads(text or "{}"))
        return cls()

    @property
    def text(self) -> str:
        """The news as a sensor's cursor."""
        return json.dumps({"seen": self.seen, "rows": self.rows})

    @property
    def version(self) -> str:
        """Name of all that was seen: another one means that the source changed."""
        return hashlib.sha256(repr(sorted(self.seen.items())).encode()).hexdigest()[:16]

    def after(self, changed: Mapping[str, str], rows: int | None) -> SourceNews:
        """Return the news after one more look.

        ``changed`` holds the states of the partitions that are not as they were when both sides
        last agreed. That a load brings one of them over is no change of the source.
        """
        newly = {key: state_id(state) for key, state in changed.items()}
        return SourceNews({**self.seen, **newly}, rows)
