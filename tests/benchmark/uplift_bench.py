"""How often "It pays" is said of a rule without effect, and how often of one with: one line per kind of world.

    python uplift_bench.py --worlds 1000

Needs neither Odoo nor a database. One JSON line per figure: {"name", "value", "unit", "bar", "holds"}. The worlds and
what they have in common: tests/kernel/uplift_worlds.py. Beside each rate without effect stands that of Welch's interval
of the same level, which the addon used before.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "kernel"))

from uplift_worlds import CONFIDENCE, World, pays  # noqa: E402  (the path comes first)

#: share of the rules without effect of which "It pays" may be said
BAR = 0.03
#: customers → share of the control group; small groups need a larger one, or they have fewer than 30
SHARES = {100: 0.4, 300: 0.2, 1000: 0.1, 5000: 0.1}
SIGMAS = (1.0, 1.5, 2.0)
BUYING = (1.0, 0.4)
EFFECTS = (3.0, 2.0, 1.5, 1.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000)
    options = parser.parse_args()
    for seed, world in enumerate(_without_effect()):
        rate, welch = _rates(world, options.worlds, seed)
        _tell(f"false “It pays”: {_name(world)}", rate, BAR)
        _tell(f"false by Welch's interval: {_name(world)}", welch, None)
    for effect in EFFECTS:
        for share in (0.1, 0.5):
            world = World(2000, 1.5, 0.4, share=share, effect=effect)
            _tell(f"found × {effect:g}: {_name(world)}", _rates(world, options.worlds, 1)[0], None)


def _without_effect():
    for customers, share in SHARES.items():
        for sigma in SIGMAS:
            for buying in BUYING:
                for is_capped in (False, True):
                    yield World(customers, sigma, buying, is_capped, share)


def _rates(world, worlds, seed):
    """Return the share of the worlds in which the addon says "It pays", and in which Welch's interval lies above 0."""
    from scipy.special import stdtrit

    found, by_welch = 0, 0
    for judged, treated, control in world.judged(worlds, seed):
        found += pays(judged)
        errors = [group.var(ddof=1) / len(group) for group in (treated, control)]
        freedom = sum(errors) ** 2 / sum(
            error**2 / (len(group) - 1) for error, group in zip(errors, (treated, control), strict=True)
        )
        reach = stdtrit(freedom, (1 + CONFIDENCE) / 2) * sum(errors) ** 0.5
        by_welch += treated.mean() - control.mean() > reach
    return found / worlds, by_welch / worlds


def _name(world):
    return (
        f"{world.customers} customers, {world.share:.0%} held out, σ {world.sigma:g}, {world.buying:.0%} buy, "
        f"cap {'on' if world.is_capped else 'off'}"
    )


def _tell(name, value, bar):
    holds = None if bar is None else value <= bar
    print(json.dumps({"name": name, "value": value, "unit": "", "bar": bar, "holds": holds}), flush=True)


if __name__ == "__main__":
    main()
