"""What accounts usually emit at this hour: the recorded baseline of the alert on spikes.

It is recorded by account, so regions and scrape jobs cannot be picked.
"""

from typing import Final

from dashboards.build.alert_limits import limit
from dashboards.build.queries import picks, selected
from dashboards.build.rules.usual import GRAMS, NOTABLE

ACCOUNT: Final = "provider, account"

_PICKED: Final = selected(picks("provider", "provider"), picks("account", "account"))
_NOW: Final = f"account:{GRAMS}:avg5m{_PICKED}"
_USUAL: Final = f"account:{GRAMS}:usual{_PICKED}"
_EXCESS: Final = f"account:{GRAMS}:excess{_PICKED}"


def usual() -> str:
    """Grams per hour that the picked accounts usually emit at this hour, together."""
    return f"sum ({_USUAL})"


def spike_limit() -> str:
    """Grams per hour from which on the alert fires: exact where one account is picked."""
    factor = f"{limit('spike_factor')} * {_USUAL}"
    floor = f"({_USUAL} + on () group_left () {NOTABLE})"
    return f"sum ({factor} > {floor} or {floor})"


def change() -> str:
    """Share that the picked accounts emit more or less than usual."""
    return f"sum ({_NOW} and on ({ACCOUNT}) {_USUAL}) / (sum ({_USUAL}) > 0) - 1"


def movers(count: int) -> str:
    """Grams per hour above usual of the accounts that emit most above it."""
    return f"topk ({count}, {_each(_EXCESS)})"


def beside(count: int, what: str) -> str:
    """Give another recorded value of the accounts that moved most: ``avg5m`` or ``usual``."""
    return f"{_each(f'account:{GRAMS}:{what}{_PICKED}')} and on ({ACCOUNT}) {movers(count)}"


def _each(recorded: str) -> str:
    """Drop the name, by which a table would take two values of an account for two accounts."""
    return f"max by ({ACCOUNT}) ({recorded})"
