"""Agreement with lifetimes 0.11.3 at identical parameters; its figures are stored (data/make_lifetimes.py)."""

from pathlib import Path

import numpy as np
import pytest

from customer_base import BetaGeo, GammaGamma, ModifiedBetaGeo

FIGURES = np.genfromtxt(Path(__file__).parent / "data" / "lifetimes.csv", delimiter=",", names=True)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("bg", BetaGeo.from_parameters(0.243, 4.414, 0.793, 2.426)),
        ("mbg", ModifiedBetaGeo.from_parameters(0.525, 6.183, 0.891, 1.614)),
    ],
)
def test_purchase_models(name, model):
    """P(alive) and E[X(t)], wherever lifetimes is finite."""
    times = FIGURES["x"], FIGURES["t_x"], FIGURES["T"]
    for figure, value in (
        ("alive", model.probability_alive(*times)),
        ("expected", model.expected_purchases(FIGURES["t"], *times)),
    ):
        theirs = FIGURES[f"{name}_{figure}"]
        finite = np.isfinite(theirs)
        assert finite.sum() > 200
        np.testing.assert_allclose(value[finite], theirs[finite], rtol=1e-12)


def test_spend_model():
    """Expected spend per purchase; lifetimes calls x what is n here."""
    model = GammaGamma.from_parameters(6.25, 3.74, 15.44)
    np.testing.assert_allclose(model.expected_spend(FIGURES["x"], FIGURES["mean"]), FIGURES["spend"], rtol=1e-12)
