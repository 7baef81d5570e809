"""Write lifetimes.csv: figures of lifetimes 0.11.3 at the papers' parameters.

python -m venv DIR && DIR/bin/pip install lifetimes==0.11.3 "numpy<2" "pandas<2.1" "scipy<1.14"
DIR/bin/python make_lifetimes.py
"""

import csv
from pathlib import Path

import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter

BG = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
MBG = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}


def main():
    """Evaluate a grid of customers."""
    bg, mbg, spend = BetaGeoFitter(), ModifiedBetaGeoFitter(), GammaGammaFitter()
    bg.params_, mbg.params_, spend.params_ = BG, MBG, SPEND
    x, share, T, t = (
        column.ravel()
        for column in np.meshgrid([0.0, 1, 2, 3, 5, 9, 17], [0.1, 0.5, 0.95], [1.0, 12, 38.86, 104], [1.0, 39, 156])
    )
    t_x = np.where(x > 0, share * T, 0.0)
    mean = 10 + 7 * x + T
    columns = {
        "x": x,
        "t_x": t_x,
        "T": T,
        "t": t,
        "mean": mean,
        "bg_alive": bg.conditional_probability_alive(x, t_x, T),
        "bg_expected": bg.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, T),
        "mbg_alive": mbg.conditional_probability_alive(x, t_x, T),
        "mbg_expected": mbg.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, T),
        "spend": spend.conditional_expected_average_profit(x, mean),
    }
    with Path(__file__).with_name("lifetimes.csv").open("w", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([repr(float(value)) for value in row] for row in zip(*columns.values(), strict=True))


if __name__ == "__main__":
    main()
