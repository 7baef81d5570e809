"""Draws by lot that anybody can repeat who knows the seed and who took part."""

import hashlib
from collections.abc import Iterable


def draw_lots(seed: str, participants: Iterable[int], winners: int) -> list[int]:
    """Return who wins: the participants whose lots are the smallest, the lot being a hash of seed and participant.

    The order in which participants are named plays no part, and nobody's chance depends on who else takes part.

    >>> draw_lots("a", [1, 2, 3, 4], 2) == draw_lots("a", [4, 3, 2, 1], 2)
    True
    >>> len(draw_lots("a", range(100), 3)), draw_lots("a", [], 3), sorted(draw_lots("a", [7, 8], 3))
    (3, [], [7, 8])
    """
    lots = {one: hashlib.sha256(f"{seed} {one}".encode()).digest() for one in participants}
    return sorted(lots, key=lots.__getitem__)[:winners]
