"""The kernel is imported as `customer_base`, without Odoo; figures of the CDNOW sample for all tests."""

import csv
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The same examples each time, and no stopwatch: machines are shared.
settings.register_profile("kernel", deadline=None, derandomize=True)
settings.load_profile("kernel")

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "crm_value_addon" / "lib"), str(ROOT / "crm_value_addon")]
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "data")]
# what stands beside the kernel is `lib`; last, so that nothing else of the addon hides a name
sys.path.append(str(ROOT / "crm_value_addon"))

from cdnow import CALIBRATION_END  # noqa: E402  (the path comes first)

from customer_base import merge_days, summarise  # noqa: E402  (the path comes first)

DAYS_PER_WEEK = 7


@pytest.fixture(scope="session")
def cdnow_purchases():
    """Customer, day and value of each purchase of the CDNOW sample."""
    with (ROOT / "tests" / "data" / "cdnow_sample_transactions.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    return (
        np.array([int(row["customer_id"]) for row in rows]),
        np.array([date.fromisoformat(row["date"]).toordinal() for row in rows]),
        np.array([float(row["dollars"]) for row in rows]),
    )


@pytest.fixture(scope="session")
def cdnow(cdnow_purchases):
    """The papers' calibration period: 39 weeks, days merged, orders of 0 kept, times in days."""
    return summarise(*cdnow_purchases, CALIBRATION_END, positive_only=False)


@pytest.fixture(scope="session")
def cdnow_weeks(cdnow):
    """The arguments of a purchase model in weeks, as the papers print their alpha."""
    return cdnow.x, cdnow.t_x / DAYS_PER_WEEK, cdnow.T / DAYS_PER_WEEK


@pytest.fixture(scope="session")
def cdnow_repeat_spend(cdnow_purchases, cdnow):
    """Repeat purchases and their mean value of the customers who have any, as in the gamma-gamma note."""
    customer, day, value = merge_days(*cdnow_purchases, positive_only=False)
    repeat = (day <= CALIBRATION_END) & (day > cdnow.first[np.searchsorted(cdnow.customer, customer)])
    count = np.bincount(np.searchsorted(cdnow.customer, customer[repeat]), minlength=cdnow.x.size)
    total = np.bincount(np.searchsorted(cdnow.customer, customer[repeat]), value[repeat], minlength=cdnow.x.size)
    return count[count > 0].astype(float), total[count > 0] / count[count > 0]
