"""The storm: which of the call faults befalls a call is decided by its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from dc_assets.emulator.stores.fault_kinds import CALL_FAULTS, PAGES, RESULTS
from dc_assets.emulator.stores.faults import Hit

STATUSES = (500, 502, 503, 429, 420)
BODIES = ("json", "html", "empty")
SLOW_S = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Weather:
    """One thing a storm can do, and how often beside the others."""

    what: str
    weight: int
    calls: tuple[str, ...] = ()

    def fits(self, kind: str) -> bool:
        """Whether it can befall a call of the kind; no calls named are all calls."""
        return not self.calls or kind in self.calls


WEATHERS = (
    Weather("status", 5),
    Weather("reset", 4),
    Weather("slow", 2),
    Weather("truncate", 3, PAGES),
    Weather("shuffle", 1, RESULTS),
    Weather("rerender", 1, RESULTS),
)


def one_of_storm(hit: Hit, kind: str) -> Hit:
    """The fault a storm sends to a call of the kind; other faults stay what they are."""
    if hit.what != "storm":
        return hit
    dice = hit.dice()
    fitting = [weather for weather in WEATHERS if weather.fits(kind)]
    chosen = dice.choices(fitting, [weather.weight for weather in fitting])[0].what
    defaults = {name: p.default for name, p in CALL_FAULTS[chosen].parameters.items()}
    return Hit(chosen, hit.fault, hit.number, defaults | _parameters(chosen, dice))


def _parameters(what: str, dice: Random) -> dict[str, object]:
    is_acted = dice.random() < 0.5  # noqa: PLR2004  one in two
    match what:
        case "status":
            status = dice.choice(STATUSES)
            retry_after = 1 if status == STATUSES[3] else None
            body = dice.choice(BODIES)
            return {"status": status, "body": body, "retry_after": retry_after, "acted": is_acted}
        case "reset":
            return {"when": dice.choice(("before", "during", "after"))}
        case "slow":
            return {"seconds": dice.uniform(*SLOW_S), "acted": is_acted}
        case "truncate":
            return {"honest": is_acted}
        case _:
            return {}
