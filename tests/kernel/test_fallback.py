"""Value from history alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import customer_base
from customer_base import InvalidInputError
from customer_base.fallback import carry_forward, monthly_discount, retention_clv, retention_expected


def test_needs_no_scipy():
    """A company below the model's data need must not pay for it."""
    code = "import sys, customer_base.fallback; sys.exit('scipy' in sys.modules)"
    lib = Path(customer_base.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=lib, check=False).returncode == 0


def test_monthly_discount_compounds_to_the_year():
    """(1 + d)^12 = 1 + yearly."""
    assert (1 + monthly_discount(0.1)) ** 12 == pytest.approx(1.1, rel=1e-15)


@pytest.mark.parametrize("retention", [0.0, 1e-9, 0.5, 0.8, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("discount", [0.0, 1e-13, 0.1, -0.2, 3.0])
def test_closed_sum_equals_the_loop(retention, discount):
    """Exact also at rho / (1 + d) = 1 and next to it."""
    d, rho = (1 + discount) ** (1 / 12) - 1, retention ** (1 / 12)
    loop = sum(50 * rho**i / (1 + d) ** i for i in range(1, 37))
    assert retention_clv(50.0, retention, discount, 36) == pytest.approx(loop, rel=1e-12)


def test_retention_equal_to_discount_is_exact():
    """At rho / (1 + d) = 1 each month counts alike."""
    assert retention_clv(2.0, 0.9, -0.1 + 1e-17, 36) == pytest.approx(72, rel=1e-13)
    assert retention_expected(2.0, 1.0, 12) == 24


def test_vectorised_and_scalar():
    """Arrays in, arrays out; numbers in, numbers out."""
    values = retention_clv(np.array([0.0, 10.0, 20.0]), 0.8, 0.1, 36)
    assert values.shape == (3,)
    assert isinstance(retention_clv(10.0, 0.8, 0.1), float)
    assert values[1] == retention_clv(10.0, 0.8, 0.1) == values[2] / 2
    assert retention_clv(10.0, 0.8, 0.1, months=0) == 0


def test_carry_forward_never_annualises_and_never_is_negative():
    """A twelfth of the last 12 months, whatever the customer's age."""
    assert carry_forward(np.array([120.0, 0.0, -5.0])).tolist() == [10.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: monthly_discount(-1.0), "-1.0"),
        (lambda: monthly_discount(float("nan")), "nan"),
        (lambda: carry_forward([1.0, float("inf")]), "inf at position 1"),
        (lambda: retention_clv(-3.0, 0.8, 0.1), "-3.0"),
        (lambda: retention_clv(1.0, 1.2, 0.1), "1.2"),
        (lambda: retention_clv(1.0, 0.8, -2.0), "-2.0"),
        (lambda: retention_clv(1.0, 0.8, 0.1, months=1.5), "1.5"),
        (lambda: retention_clv("x", 0.8, 0.1), "'x'"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    """A typed error that names what it got."""
    with pytest.raises(InvalidInputError, match=quoted):
        call()
