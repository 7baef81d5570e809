"""Shares what a document earned, and what was taken off it as a whole, out among its lines."""

import numpy as np

from ..columns import Columns, Floats, Ints


def share_out(lines: Columns, documents: Ints, margins: Floats) -> Columns:
    """Return the goods and the allowances of some lines with the revenue and the margin that fall on each.

    What was taken off a document as a whole (a discount, a bonus, rounding) is shared among its goods in proportion to
    their amounts. What the document earned was recorded when it was posted; what the present costs of its lines say
    otherwise is shared in the same way, so that the margins of the lines add up to that of the document.

    :param lines: columns of shape (n,): ``document``; ``revenue``, ``margin`` (at the present cost); ``is_loose``,
        True where an amount belongs to the document and to no product of it
    :param documents: shape (k,), sorted: the documents whose margin is recorded
    :param margins: shape (k,), what they earned
    :return: `lines` without the loose ones

    >>> lines = {"document": np.array([7, 7, 7]), "revenue": np.array([60.0, 40.0, -10.0]),
    ...          "margin": np.array([30.0, 20.0, -10.0]), "is_loose": np.array([False, False, True])}
    >>> shared = share_out(lines, np.array([7]), np.array([50.0]))
    >>> shared["revenue"].tolist(), shared["margin"].tolist()
    ([54.0, 36.0], [30.0, 20.0])
    """
    known, place = np.unique(lines["document"], return_inverse=True)
    loose, revenue = lines["is_loose"], lines["revenue"]
    weight = np.where(loose, 0.0, np.abs(revenue))
    total = np.bincount(place, weights=weight, minlength=len(known))
    share = weight / np.where(total, total, 1.0)[place]
    taken_off = np.bincount(place, weights=np.where(loose, revenue, 0.0), minlength=len(known))
    present = np.bincount(place, weights=lines["margin"], minlength=len(known))
    recorded = present.copy()
    if len(documents):
        found = np.minimum(np.searchsorted(documents, known), len(documents) - 1)
        recorded = np.where(documents[found] == known, margins[found], present)
    own = np.bincount(place, weights=np.where(loose, 0.0, lines["margin"]), minlength=len(known))
    shared = {
        **lines,
        "revenue": revenue + share * taken_off[place],
        "margin": lines["margin"] + share * (recorded - own)[place],
    }
    return {name: column[~loose] for name, column in shared.items()}
