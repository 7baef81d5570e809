"""Worlds in which a follow-up rule runs, for the test and the benchmark of its comparison.

Each customer has a level, on which the revenue before and after depend; both are lognormal around it, so a few bring
most of it, and some buy nothing. Those who are due are put in order, the largest first; a daily number of places leaves
the smaller half out. The draw holds out a share of the others. The comparison takes each customer's first time, so the
later ones, which are more where nobody has to finish anything, are left out.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "crm_value_addon"))

from lib.uplift import CONFIDENCE, DRAWS, Randomisation, Uplift, uplift  # noqa: E402  (the path comes first)

__all__ = ["CONFIDENCE", "World", "pays"]

_CORRELATION = 0.5


@dataclass(frozen=True)
class World:
    """What a rule finds; `customers` are those who get a place."""

    customers: int
    sigma: float
    buying: float = 1.0
    is_capped: bool = False
    share: float = 0.2
    effect: float = 1.0

    def judged(self, worlds: int, seed: int):
        """Yield the uplift that is found in each of many such worlds, and the two groups' outcomes."""
        random = np.random.default_rng(seed)
        held_out = round(self.customers * self.share)
        stratum = np.zeros(self.customers, int)
        redrawn = list(Randomisation(np.arange(self.customers) < held_out, stratum).redraw(DRAWS, seed))
        for _world in range(worlds):
            before, after = self._first_spells(random)
            is_control = np.zeros(self.customers, bool)
            is_control[random.permutation(self.customers)[:held_out]] = True
            after = np.where(is_control, after, after * self.effect)
            found = uplift(after, before, Randomisation(is_control, stratum), redrawn=redrawn)
            yield found, after[~is_control], after[is_control]

    def _first_spells(self, random) -> tuple[np.ndarray, np.ndarray]:
        """Return the revenue before and after the first follow-up of those who get a place."""
        due = self.customers * (2 if self.is_capped else 1)
        level = random.normal(size=due)
        before, after = (self._revenue(random, level) for _period in range(2))
        placed = np.argsort(-before, kind="stable")[: self.customers]
        return before[placed], after[placed]

    def _revenue(self, random, level):
        noise = random.normal(size=len(level))
        amount = 100 * np.exp(self.sigma * (_CORRELATION**0.5 * level + (1 - _CORRELATION) ** 0.5 * noise))
        return np.where(random.random(len(level)) < self.buying, amount, 0.0)


def pays(found: Uplift) -> bool:
    """Tell whether the verdict is "It pays"."""
    return found.is_enough and found.low > 0
