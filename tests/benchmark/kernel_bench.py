"""Time the kernel's way from customers to CLV, alone or against the libraries, one JSON line per figure.

    python kernel_bench.py --customers 1000000
    KERNEL_BENCH_LIFETIMES=/venv/a/bin/python KERNEL_BENCH_PYMC=/venv/b/bin/python \
        python kernel_bench.py --customers 1000000 --with-libraries

Each contender runs in a process of its own on the same simulated customers, with one thread: model fit, spend fit,
P(alive) and E[365 days], 12-month CLV. A library is left out where its environment variable names no Python that
imports it. Rows: {"name", "value", "unit", "bar", "holds"}; `bar` and `holds` are null where there is none.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
LIBRARIES = {"lifetimes": "KERNEL_BENCH_LIFETIMES", "pymc_marketing": "KERNEL_BENCH_PYMC"}
# How many times faster than each library (issue 3), and the seconds for 100,000 customers.
BARS = {"lifetimes": 10.0, "pymc_marketing": 5.0}
SECONDS_100K = 0.5
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
STEPS = ("fit", "spend_fit", "scoring", "clv")
_MONTHLY_DISCOUNT = 1.1 ** (1 / 12) - 1


def kernel(x, t_x, T, n, mean):
    """Yield after each step; the CLV is `score` without interval, which computes P(alive) and the rest again."""
    sys.path.insert(0, str(ROOT / "crm_value_addon" / "lib"))
    from customer_base import GammaGamma, ModifiedBetaGeo, score

    yield
    model = ModifiedBetaGeo().fit(x, t_x, T)
    yield
    spend = GammaGamma().fit(n, mean)
    yield
    model.probability_alive(x, t_x, T)
    model.expected_purchases(365, x, t_x, T)
    yield
    score(model, spend, x, t_x, T, n, mean, months=12, interval=False)
    yield


def kernel_interval(x, t_x, T, n, mean):
    """Do what a full refresh does: fits, and 36 months with their interval."""
    sys.path.insert(0, str(ROOT / "crm_value_addon" / "lib"))
    from customer_base import GammaGamma, ModifiedBetaGeo, score

    yield
    model = ModifiedBetaGeo().fit(x, t_x, T)
    yield
    spend = GammaGamma().fit(n, mean)
    yield
    yield
    score(model, spend, x, t_x, T, n, mean)
    yield


def lifetimes(x, t_x, T, n, mean):
    """Run the library lifetimes on all purchases, as the kernel does."""
    import pandas
    from lifetimes import GammaGammaFitter, ModifiedBetaGeoFitter

    x, t_x, T, n, mean = (pandas.Series(column) for column in (x, t_x, T, n, mean))
    yield
    model = ModifiedBetaGeoFitter().fit(x, t_x, T)
    yield
    spend = GammaGammaFitter().fit(n, mean)
    yield
    model.conditional_probability_alive(x, t_x, T)
    model.conditional_expected_number_of_purchases_up_to_time(365, x, t_x, T)
    yield
    worth = spend.conditional_expected_average_profit(n, mean)
    from lifetimes.utils import _customer_lifetime_value

    _customer_lifetime_value(model, x, t_x, T, worth, time=12, discount_rate=_MONTHLY_DISCOUNT, freq="D")
    yield


def pymc_marketing(x, t_x, T, n, mean):
    """Run pymc-marketing's maximum a posteriori fits."""
    import pandas
    from pymc_marketing.clv import GammaGammaModel, ModifiedBetaGeoModel

    data = pandas.DataFrame(
        {"customer_id": np.arange(x.size), "frequency": x, "recency": t_x, "T": T, "monetary_value": mean}
    )
    paid = data.assign(frequency=n)
    yield
    model = ModifiedBetaGeoModel(data=data)
    model.fit(method="map", progressbar=False)
    yield
    spend = GammaGammaModel(data=paid)
    spend.fit(method="map", progressbar=False)
    yield
    model.expected_probability_alive(data)
    model.expected_purchases(data, future_t=365)
    yield
    spend.expected_customer_lifetime_value(
        transaction_model=model,
        data=paid.assign(frequency=x),
        future_t=12,
        discount_rate=_MONTHLY_DISCOUNT,
        time_unit="D",
    )
    yield


CONTENDERS = {each.__name__: each for each in (kernel, kernel_interval, lifetimes, pymc_marketing)}


def simulated(size):
    """Draw customers from MBG/NBD and gamma-gamma, of up to two years, with whole days."""
    sys.path.insert(0, str(ROOT / "tests" / "kernel"))
    from simulate import simulate

    base = simulate(size, seed=1)
    return {name: getattr(base, name) for name in ("x", "t_x", "T", "n", "mean")}


def run_alone(name, path):
    """Time one contender in this process; print seconds per step and the peak memory in MB."""
    columns = dict(np.load(path))
    steps = CONTENDERS[name](**columns)
    next(steps)
    seconds = {}
    for step in STEPS:
        start = time.perf_counter()
        next(steps)
        seconds[step] = time.perf_counter() - start
    # Linux counts in kB.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "memory": memory}))


def measure(name, python, path, repeat):
    """Return the fastest of `repeat` runs in processes of their own, or None where the library does not import."""
    best = None
    for _ in range(repeat):
        done = subprocess.run(
            [python, __file__, "--alone", name, "--data", path],
            env=os.environ | ONE_THREAD,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
        result = json.loads(done.stdout.splitlines()[-1])
        if best is None or sum(result["seconds"].values()) < sum(best["seconds"].values()):
            best = result
    return best


def row(name, value, unit, bar=None, holds=None):
    """Print one figure."""
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, "bar": bar, "holds": holds}), flush=True)


def report(name, size, result):
    """Print one contender's seconds and memory."""
    for step, seconds in result["seconds"].items():
        row(f"{name} {size} {step}", seconds, "s")
    total = sum(result["seconds"].values())
    bar = SECONDS_100K if name == "kernel" and size == 100_000 else None
    row(f"{name} {size} total", total, "s", bar, None if bar is None else total < bar)
    row(f"{name} {size} peak memory", result["memory"], "MB")


def compare(name, size, ours, theirs):
    """Print how many times faster the kernel is, and its memory against the library's."""
    ratio = sum(theirs["seconds"].values()) / sum(ours["seconds"].values())
    bar = BARS[name] if size >= 1_000_000 else None
    row(f"kernel {size} times faster than {name}", ratio, "x", bar, None if bar is None else ratio >= bar)
    row(f"kernel {size} memory below {name}", ours["memory"], "MB", theirs["memory"], ours["memory"] < theirs["memory"])


def main():
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--with-libraries", action="store_true")
    parser.add_argument("--repeat", type=int, default=1, help="runs per contender; the fastest counts")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        run_alone(options.alone, options.data)
        return
    size = options.customers
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "customers.npz")
        np.savez(path, **simulated(size))
        ours = measure("kernel", sys.executable, path, options.repeat)
        if ours is None:
            sys.exit("the kernel did not run")
        report("kernel", size, ours)
        full = measure("kernel_interval", sys.executable, path, options.repeat)
        report("kernel with 36 months and interval", size, full)
        for name, variable in LIBRARIES.items() if options.with_libraries else ():
            python = os.environ.get(variable)
            theirs = measure(name, python, path, options.repeat) if python else None
            if theirs:
                report(name, size, theirs)
                compare(name, size, ours, theirs)


if __name__ == "__main__":
    main()
