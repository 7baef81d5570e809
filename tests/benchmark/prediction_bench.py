#!/usr/bin/env python3
"""Try the prediction on bases that it was not fitted to, and hold it against its bars.

    python tests/benchmark/prediction_bench.py                     # CDNOW and simulated bases: one JSON line a figure
    python tests/benchmark/prediction_bench.py --sets FOLDER       # and NAME.csv of customer,day,value in a folder
    python tests/benchmark/prediction_bench.py --write             # rebuilds the tables of docs/prediction.md

Each base is cut at 50, 66 and 80 % of its span; what came in the year after, or until its end, is forecast from what
was known then. A name that begins with b2b_ in the folder marks accounts of a business. Rows as in kernel_bench.py.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from prediction_sets import SIMULATED, read_purchases, simulated_base
from scipy.stats import rankdata

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "crm_value_addon" / "lib"))

from customer_base import GammaGamma, backtest, fit_ensemble, merge_days, score  # noqa: E402  (path first)
from customer_base.ensemble import View  # noqa: E402
from customer_base.metrics import accuracy, tweedie_deviance  # noqa: E402

CUTS = (0.5, 0.66, 0.8)
YEAR = 365
MONTH = 30.44
DOC = ROOT / "docs" / "prediction.md"
CDNOW = ROOT / "tests" / "data" / "cdnow_sample_transactions.csv"
#: customers of a large base that the addon backtests: a random sample (`crm.value.fit.backtest`)
BACKTESTED = 200_000
#: samples: sizes, draws of each from every base
SIZES, DRAWS = (20, 50), 15
#: a base whose level moved by more than this between the last earlier window and the test shifted
SHIFT = 0.25
MARKS = ("<!-- {} -->", "<!-- end of {} -->")


def bases(folder):
    """Yield name, whether its customers are businesses, and the purchases of each base."""
    yield "cdnow", False, read_purchases(CDNOW, "customer_id", "date", "dollars")
    for path in sorted(Path(folder).glob("*.csv")) if folder else ():
        yield (
            path.stem.removeprefix("b2b_"),
            path.stem.startswith("b2b_"),
            read_purchases(path, "customer", "day", "value"),
        )
    for name, (is_business, options) in SIMULATED.items():
        yield name, is_business, simulated_base(seed=7, **options)


def auc(score_, truth):
    """Return the area under the curve of a score for a truth of both kinds, else NaN."""
    ones = truth.sum()
    if not 0 < ones < truth.size:
        return np.nan
    return (rankdata(score_)[truth].sum() - ones * (ones + 1) / 2) / (ones * (truth.size - ones))


def calibration_error(said, truth):
    """Return the mean distance of what was said from what came, over at most ten classes of 50 customers or more."""
    classes = int(np.clip(said.size // 50, 1, 10))
    parts = np.array_split(np.argsort(said, kind="stable"), classes)
    return sum(abs(said[part].mean() - truth[part].mean()) * part.size for part in parts) / said.size


def tried(name, is_business, purchases, cut):
    """Return the figures of one base cut at one day."""
    first, end = int(purchases[1].min()), int(purchases[1].max())
    split = int(first + cut * (end - first))
    days = min(YEAR, end - split)
    view = View(*purchases, split)
    past, actual = view.past, view.actual(days)
    fit = fit_ensemble(*purchases, split, days=days)
    shown = fit.forecast(view)
    published = GammaGamma().fit(past.n, past.mean)
    model = fit.model.expected_purchases(days, past.x, past.t_x, past.T) * published.expected_spend(past.n, past.mean)
    found, before = accuracy(shown, actual), accuracy(model, actual)
    single = view.forecasts(fit.model, fit.spend, days, fit.regular)
    best = min(tweedie_deviance(each, actual) for each in single.values())
    figures = {
        "name": name,
        "business": is_business,
        "cut": cut,
        "customers": past.x.size,
        "deviance": found.deviance / before.deviance,
        "hindsight": found.deviance / best,
        "bias": found.aggregate_error,
        "bias_before": before.aggregate_error,
        "mae": found.mae / before.mae,
        "gini": found.gini - before.gini,
        "top": found.top_decile - before.top_decile,
        "shares": fit.stack.shares,
    }
    if fit.windows:
        window = fit.windows[0]
        then = np.log(window.actual / window.forecasts["purchase_model"])
        figures["shift"] = float(abs(np.log(actual.sum() / model.sum()) - then))
    if fit.bands:
        low, high = fit.bands(shown, fit.mean)
        inside = (actual >= low) & (actual <= high)
        # of whom nothing is expected with more than 80 %, no interval holds less often
        figures |= {
            "inside": inside.mean(),
            "inside_open": inside[high > 0].mean(),
            "inside_top": inside[shown >= np.quantile(shown, 0.9)].mean(),
        }
    return figures | left(fit, view, days)


def left(fit, view, days):
    """Return how well it was told who does not buy within their horizon, cut off where the base ends."""
    past = view.past
    own, said = fit.silent_probability(view, days)
    gone, revenue = view.silent(own), view.recent.year
    alive = fit.model.probability_alive(past.x, past.t_x, past.T)
    called, dice = said >= fit.risk, np.random.default_rng(0)
    at_risk = (revenue * called).sum()
    back = (revenue * (called & ~gone)).sum() / at_risk if at_risk > 0 else 0.0
    return {
        "auc": auc(said, gone),
        "auc_alive": auc(1 - alive, gone),
        "auc_silence": auc(past.T - past.t_x, gone),
        "miss": calibration_error(said, gone),
        "chance": float(np.mean([calibration_error(said, dice.random(said.size) < said) for _ in range(20)])),
        "back": back,
        "at_risk": at_risk / max(revenue.sum(), 1e-9),
    }


def small(name, purchases):
    """Return, per size, the mean error of the model with its prior over that of the last 12 months, over all draws."""
    customer, day, value = purchases
    first, end = int(day.min()), int(day.max())
    split = int(first + 0.66 * (end - first))
    days = min(YEAR, end - split)
    known = np.unique(customer[day <= split])
    dice = np.random.default_rng(len(name))
    rows = []
    for size in SIZES:
        errors = []
        for _ in range(DRAWS):
            chosen = np.isin(customer, dice.choice(known, min(size, known.size), replace=False))
            sample = customer[chosen], day[chosen], value[chosen]
            view = View(*sample, split)
            repeaters = int((view.past.x > 0).sum())
            actual = view.actual(days)
            if not actual.any() or not repeaters:
                continue
            shown = fit_ensemble(*sample, split, days=days).forecast(view)
            history = view.recent.year * days / YEAR
            errors.append((repeaters, np.abs(shown - actual).mean(), np.abs(history - actual).mean()))
        rows.append({"name": name, "size": size, "errors": errors})
    return rows


def long_horizons():
    """Return how the value of 12, 24 and 36 months does with and without the stack, where as much came afterwards."""
    rows = []
    for name, options in (
        ("sim_wholesale", {"years": 8}),
        ("sim_growth", {"years": 8}),
        ("sim_contracts", {"years": 8}),
    ):
        purchases = merge_days(*simulated_base(seed=11, **{**SIMULATED[name][1], **options}))
        split = int(purchases[1].min()) + 5 * YEAR - 1
        view, fit = View(*purchases, split), fit_ensemble(*purchases, split)
        past = view.past
        shown = fit.forecast(view)
        alone = view.forecasts(fit.model, fit.spend, YEAR)["purchase_model"]
        row = {"name": name}
        for months in (12, 24, 36):
            value = score(
                fit.model, fit.spend, past.x, past.t_x, past.T, past.n, past.mean,
                months=months, yearly_discount=0.0, interval=False,
            ).clv  # fmt: skip
            actual = view.actual(months * MONTH)
            scaled = value * (shown / np.maximum(alone, 1e-9))
            row[f"dev_{months}"] = tweedie_deviance(scaled, actual) / tweedie_deviance(value, actual)
            row[f"bias_{months}"] = (value.sum() / actual.sum() - 1, scaled.sum() / actual.sum() - 1)
            if fit.bands:
                low, high = fit.bands(shown, fit.mean)
                reach = value / np.maximum(alone, 1e-9)
                inside = (actual >= low * reach) & (actual <= high * reach)
                row[f"inside_{months}"] = (inside.mean(), inside[shown >= np.quantile(shown, 0.9)].mean())
        rows.append(row)
    return rows


def large(size):
    """Measure the processor time of a fit and of the scoring of a simulated base in this process; print JSON."""
    dice = np.random.default_rng(1)
    begin, rate, life = dice.integers(0, 1300, size), dice.gamma(0.6, 1 / 60, size), dice.exponential(500, size)
    span = np.minimum(life, 1460 - begin)
    count = dice.poisson(rate * span)
    who = np.repeat(np.arange(size, dtype=np.int32), count + 1)
    day = (begin[who] + dice.random(who.size) * span[who]).astype(np.int32)
    day[np.cumsum(count + 1) - count - 1] = begin
    day = day[np.lexsort((day, who))]
    value = dice.gamma(3, 1 / dice.gamma(3, 1 / 60, size)[who])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    fit = fit_ensemble(who, day, value, 1460)
    fitted = time.process_time()
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    chosen = np.isin(who, dice.choice(size, min(size, BACKTESTED), replace=False))
    backtest(who[chosen], day[chosen], value[chosen], 1460 - YEAR, 1460)
    tested = time.process_time()
    view = View(*merge_days(who, day, value), 1460)
    past = view.past
    summed = time.process_time()
    scored = score(fit.model, fit.spend, past.x, past.t_x, past.T, past.n, past.mean)
    scored_at = time.process_time()
    worth = scored.expected_spend
    forecasts = {"purchase_model": scored.expected_12m} | view.recent.forecasts(YEAR, worth)
    if fit.regular is not None:
        forecasts["regular"] = fit.regular.expected_purchases(YEAR, past.x, past.t_x, past.T, view.log_gaps) * worth
    fit.stack.combine(forecasts)
    fit.silent_probability(view)
    shown_at = time.process_time()
    result = {
        "fit": fitted - start,
        "memory": memory,
        "backtest": tested - fitted,
        "sums": summed - tested,
        "score": scored_at - summed,
        "shown": shown_at - scored_at,
        "purchases": int(who.size),
    }
    if size <= 500_000:
        whole = fit_ensemble(who, day, value, 1460, largest=size)
        forecast, sampled = whole.forecast(view), fit.forecast(view)
        result["sample_moves"] = float(np.abs(sampled - forecast).sum() / forecast.sum())
    print(json.dumps(result))


def alone_in_a_process(size):
    """Return the figures of `large`, measured with one thread in a process of its own."""
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--large", str(size)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def of_each_base(rows, name, how=np.nanmean):
    """Return a figure per base, over its cuts; NaN where a base has none."""
    found = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row.get(name, np.nan))
    return {base: how(values) if np.isfinite(values).any() else np.nan for base, values in found.items()}


def geometric(values):
    """Return the geometric mean of the values that are numbers."""
    return float(np.exp(np.nanmean(np.log(list(values)))))


def bars(rows, samples, speed):
    """Yield name, value, unit, bar and whether it holds."""
    deviance, hindsight = (of_each_base(rows, name, geometric) for name in ("deviance", "hindsight"))
    yield "deviance / the purchase model's, mean of the bases", geometric(deviance.values()), "×", "≤ 0.95", 0.95
    yield "the same, worst base", max(deviance.values()), "×", "≤ 1.06", 1.06
    yield "the same, worst base and cut", max(row["deviance"] for row in rows), "×", "", None
    yield "deviance / the best single method's in hindsight, mean", geometric(hindsight.values()), "×", "≤ 1.03", 1.03
    steady = [row for row in rows if row["business"] and row.get("shift", 1) <= SHIFT]
    bias = {base: abs(value) for base, value in of_each_base(steady, "bias").items()}
    yield "bias of business bases that did not shift, mean", float(np.mean(list(bias.values()))), "", "≤ 0.10", 0.10
    yield "the same, worst base", max(bias.values()), "", "≤ 0.10", 0.10
    for name, label, bar, limit in (
        ("inside", "80 % intervals hold", "= 0", 0),
        ("inside_open", "the same without customers whose interval is nothing", "", None),
    ):
        inside = of_each_base(rows, name)
        outside = sum(not 0.76 <= value <= 0.84 for value in inside.values() if np.isfinite(value))
        yield f"{label}, mean of the bases", float(np.nanmean(list(inside.values()))), "", "0.76–0.84", None
        yield "bases outside 76–84 %", outside, "", bar, limit
    top = [value for value in of_each_base(rows, "inside_top").values() if np.isfinite(value)]
    yield "the same in the top tenth, mean", float(np.mean(top)), "", "≥ 0.72", -0.72
    yield "the same in the top tenth, worst base", min(top), "", "≥ 0.72", -0.72
    for size in SIZES:
        ratios = [
            np.mean([own for _, own, _ in row["errors"]]) / np.mean([other for _, _, other in row["errors"]])
            for row in samples
            if row["size"] == size and row["errors"]
        ]
        yield f"samples of {size}: error / the last 12 months'", geometric(ratios), "×", "≤ 0.90", 0.90
    for other in ("auc_alive", "auc_silence"):
        gain = {base: value for base, value in of_each_base([
            {"name": row["name"], "gain": row["auc"] - row[other]} for row in rows], "gain").items()}  # fmt: skip
        label = {"auc_alive": "1 − P(alive)'s", "auc_silence": "silence's"}[other]
        yield f"AUC of not buying less {label}, mean", float(np.mean(list(gain.values()))), "", "", None
        yield f"AUC of not buying less {label}, worst base", min(gain.values()), "", "≥ 0", 0.0 * -1
    miss = of_each_base(rows, "miss")
    yield "calibration error, mean of the bases", float(np.mean(list(miss.values()))), "", "≤ 0.04", 0.04
    yield "calibration error, median of the bases", float(np.median(list(miss.values()))), "", "", None
    chance = float(np.mean(list(of_each_base(rows, "chance").values())))
    yield "calibration error that right probabilities would have by chance, mean", chance, "", "", None
    yield "calibration error, worst base", max(miss.values()), "", "≤ 0.04", 0.04
    back = of_each_base(rows, "back")
    yield "of the revenue called at risk came back, mean", float(np.mean(list(back.values()))), "", "≤ 0.5", 0.5
    yield "the same, worst base", max(back.values()), "", "≤ 0.5", 0.5
    million, some = speed
    yield "1,000,000 customers, processor time: fit", million["fit"], "s", "", None
    yield "1,000,000 customers, processor time: backtest", million["backtest"], "s", "", None
    total = sum(million[step] for step in ("fit", "backtest", "sums", "score", "shown"))
    yield "1,000,000 customers, processor time: fit, backtest, sums, scoring", total, "s", "≤ 30", 30
    yield "memory of the fit above its purchases", million["memory"], "MB", "≤ 300", 300
    yield "scoring with the stack / without", 1 + million["shown"] / million["score"], "×", "≤ 1.15", 1.15
    yield "400,000 customers: forecasts moved by the sample", some["sample_moves"], "", "", None


def held(value, bar):
    """Tell whether a bar holds: at most a positive one, at least a negative one's opposite."""
    if bar is None:
        return None
    return bool(value >= -bar) if np.signbit(bar) else bool(value <= bar)


def table(rows):
    """Return the Markdown table of the bases."""
    lines = [
        "| base | customers | deviance | hindsight | bias: model → shown | error | Gini | intervals: all, top | "
        "AUC: said, alive, silence | miss | back | weights |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name in dict.fromkeys(row["name"] for row in rows):
        own = [row for row in rows if row["name"] == name]

        def mean(figure, own=own):
            values = [row.get(figure, np.nan) for row in own]
            return np.nanmean(values) if np.isfinite(values).any() else np.nan

        def text(value, form):
            return format(value, form) if np.isfinite(value) else "–"

        keys = {key for row in own for key in row["shares"]}
        shares = {key: np.mean([row["shares"].get(key, 0) for row in own]) for key in keys}
        weights = ", ".join(
            f"{100 * share:.0f} % {key.replace('_', ' ')}"
            for key, share in sorted(shares.items(), key=lambda item: -item[1])
            if share >= 0.01
        )
        lines.append(
            f"| {name}{' (business)' if own[0]['business'] else ''} | {max(row['customers'] for row in own):,} | "
            f"{geometric(row['deviance'] for row in own):.3f} | {geometric(row['hindsight'] for row in own):.3f} | "
            f"{100 * mean('bias_before'):+.0f} → {100 * mean('bias'):+.0f} % | {mean('mae'):.2f} | "
            f"{mean('gini'):+.3f} | "
            f"{text(100 * mean('inside'), '.0f')}, {text(100 * mean('inside_top'), '.0f')} % | "
            f"{mean('auc'):.3f}, {mean('auc_alive'):.3f}, {mean('auc_silence'):.3f} | {mean('miss'):.3f} | "
            f"{100 * mean('back'):.0f} % of {100 * mean('at_risk'):.0f} % | {weights} |"
        )
    return "\n".join(lines)


def gate_table(samples):
    """Return the Markdown table of the small samples by their repeat customers."""
    lines = ["| repeat customers | samples | bases | error / last 12 months' | better in |", "|---|--:|--:|--:|--:|"]
    for low, high in ((1, 5), (6, 9), (10, 14), (15, 19), (20, 29), (30, 50)):
        found = [
            (row["name"], own / other)
            for row in samples
            for repeaters, own, other in row["errors"]
            if low <= repeaters <= high and other > 0
        ]
        if found:
            ratios = [ratio for _, ratio in found]
            better = np.mean([ratio < 1 for ratio in ratios])
            names = len({name for name, _ in found})
            lines.append(f"| {low}–{high} | {len(found)} | {names} | {geometric(ratios):.2f} | {100 * better:.0f} % |")
    return "\n".join(lines)


def long_table(rows):
    """Return the Markdown table of longer horizons."""
    lines = [
        "| base | months | deviance: scaled / model alone | bias: alone → scaled | 80 % interval: all, top tenth |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        for months in (12, 24, 36):
            alone, scaled = row[f"bias_{months}"]
            inside = row.get(f"inside_{months}")
            text = f"{100 * inside[0]:.0f}, {100 * inside[1]:.0f} %" if inside else "–"
            lines.append(
                f"| {row['name']} | {months} | {row[f'dev_{months}']:.3f} | "
                f"{100 * alone:+.0f} → {100 * scaled:+.0f} % | {text} |"
            )
    return "\n".join(lines)


def bar_table(found):
    """Return the Markdown table of the bars."""
    lines = ["| figure | measured | bar | holds |", "|---|--:|---|---|"]
    for name, value, unit, bar, limit in found:
        holds = {True: "yes", False: "**no**", None: ""}[held(value, limit)]
        lines.append(f"| {name} | {value:.3g} {unit} | {bar} | {holds} |")
    return "\n".join(lines)


def rewritten(text, tables):
    """Return a text with the tables between their marks replaced."""
    for name, content in tables.items():
        begin, end = (mark.format(name) for mark in MARKS)
        head, rest = text.split(begin)
        _, tail = rest.split(end)
        text = f"{head}{begin}\n\n{content}\n\n{end}{tail}"
    return text


def main():
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--large", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        large(options.large)
        return
    rows, samples = [], []
    for name, is_business, purchases in bases(options.sets):
        merged = merge_days(*purchases)
        for cut in CUTS:
            rows.append(tried(name, is_business, merged, cut))
        samples += small(name, merged)
        print(f"{name}: tried", file=sys.stderr)
    found = list(bars(rows, samples, [alone_in_a_process(size) for size in (1_000_000, 400_000)]))
    for name, value, unit, bar, limit in found:
        row = {"name": f"prediction: {name}", "value": value, "unit": unit, "bar": bar, "holds": held(value, limit)}
        print(json.dumps(row), flush=True)
    if options.write:
        tables = {
            "bars": bar_table(found),
            "bases": table(rows),
            "samples": gate_table(samples),
            "horizons": long_table(long_horizons()),
        }
        DOC.write_text(rewritten(DOC.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
