"""RFM scores by stored boundaries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_base import Boundaries, EmptyDataError, InvalidInputError, rfm_boundaries, rfm_scores

BASES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.integers(-50, 500)), min_size=1, max_size=60)


def test_distinct_values_give_fifths():
    """100 customers, all different: 20 of each score."""
    values = np.random.default_rng(1).permutation(100)
    for scores in rfm_scores(rfm_boundaries(values, values, values), values, values, values):
        assert np.bincount(scores).tolist() == [0, 20, 20, 20, 20, 20]


def test_best_are_recent_frequent_and_rich():
    """5 for few days and for high amounts."""
    base = np.arange(10), np.arange(10), np.arange(10)
    r, f, m = rfm_scores(rfm_boundaries(*base), *base)
    assert (r[0], r[-1], f[0], f[-1], m[-1]) == (5, 1, 1, 5, 5)


@given(BASES)
def test_one_alone_scores_as_within_all(base):
    """Stored boundaries: the base's scores do not depend on who is scored with whom, and ties are equal."""
    columns = [np.array(column, float) for column in zip(*base, strict=True)]
    boundaries = rfm_boundaries(*columns)
    together = np.stack(rfm_scores(boundaries, *columns))
    assert together.min() >= 1
    assert together.max() <= 5
    for i, row in enumerate(base):
        alone = rfm_scores(boundaries, *([value] for value in row))
        assert [int(score[0]) for score in alone] == together[:, i].tolist()
    for scores, column, sign in zip(together, columns, (-1, 1, 1), strict=True):
        order = np.argsort(sign * column)
        assert (np.diff(scores[order]) >= 0).all()
        assert all(np.unique(scores[column == value]).size == 1 for value in column)


def test_ties_and_few():
    """Most bought once: they share F = 1; one customer, or all equal: everybody 1."""
    frequency = np.array([1] * 7 + [2, 2, 9])
    _, f, _ = rfm_scores(rfm_boundaries(frequency, frequency, frequency), frequency, frequency, frequency)
    assert f.tolist() == [1] * 7 + [4, 4, 5]
    for base in (([3], [1], [9.0]), ([3, 3], [1, 1], [9.0, 9.0])):
        assert all((score == 1).all() for score in rfm_scores(rfm_boundaries(*base), *base))


def test_boundaries_are_storable():
    """Plain floats, and back."""
    boundaries = rfm_boundaries([1, 2, 3], [1, 2, 3], [1, 2, 3])
    assert all(type(cut) is float for cut in boundaries.recency)
    assert Boundaries(list(boundaries.recency), boundaries.frequency, boundaries.monetary)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rfm_boundaries([], [], []), EmptyDataError, "0 rows"),
        (lambda: rfm_boundaries([-1], [1], [1]), InvalidInputError, "days_since must be >= 0, got -1.0"),
        (lambda: rfm_boundaries([1], [float("nan")], [1]), InvalidInputError, "frequency must be finite, got nan"),
        (lambda: rfm_boundaries([1, 2], [1], [1]), InvalidInputError, "one shape"),
        (lambda: Boundaries((1, 2), (1, 2, 3, 4), (1, 2, 3, 4)), InvalidInputError, "4 cut points"),
        (lambda: Boundaries((4, 3, 2, 1), (1, 2, 3, 4), (1, 2, 3, 4)), InvalidInputError, "recency must be ascending"),
    ],
)
def test_bad_input(call, error, message):
    """Quoted, as everywhere."""
    with pytest.raises(error, match=message):
        call()
