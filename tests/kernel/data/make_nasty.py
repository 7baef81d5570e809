"""Write nasty.npz: P(alive) and E[X(t)] of both models in 100 digits, by the papers' closed forms, with mpmath.

Not the kernel's own integral: the closed form with 2F1 is only unstable in double precision. Where it has a
removable singularity (a = 1, a + b + x = 1) the parameter is moved by 1e-45, which moves no digit that a
double holds.

The result counts only when twice the digits give the same; else the digits are doubled again. Cases that
mpmath cannot settle in time in either of two forms are left out and counted.

    python make_nasty.py        (needs numpy and mpmath, on Unix; some minutes)
"""

import signal
from pathlib import Path

import mpmath as mp
import numpy as np

CASES = 2100
SECONDS = 0.3
COLUMNS = ("shift", "r", "alpha", "a", "b", "x", "t_x", "T", "t")


def draw(seed, size):
    """Return cases of eight kinds, half of them BG/NBD (shift 0), half MBG/NBD (shift 1)."""
    rng = np.random.default_rng(seed)

    def log_uniform(low, high):
        return 10 ** rng.uniform(low, high, size)

    kind = np.arange(size) % 8
    r, alpha, a, b = log_uniform(-2, 1), log_uniform(-1, 2.5), log_uniform(-2, 1), log_uniform(-2, 1)
    x = rng.choice([0, 0, 1, 1, 2, 3, 5, 8, 20, 60], size).astype(float)
    T = rng.choice([0, 1, 7, 30, 100, 365, 1000, 4000], size) * rng.uniform(0.5, 1.5, size)
    t = log_uniform(-1, 3.5)
    a = np.where(kind == 1, 1 + rng.choice([0, 1e-12, -1e-12, 1e-9, -1e-9, 1e-6, -1e-6], size), a)
    low = (kind == 2) & (a < 0.9)
    x = np.where(low, 0.0, x)
    b = np.where(low, (1 - a) * (1 + rng.choice([0, 1e-14, 1e-9, 1e-5], size)), b)
    a = np.where(kind == 3, log_uniform(2, 5), a)
    b = np.where((kind == 4) | ((kind == 3) & (rng.random(size) < 0.5)), log_uniform(2, 5), b)
    t = np.where(kind == 5, log_uniform(-12, -4), t)
    x = np.where(kind == 6, rng.integers(300, 2000, size), x)
    t = np.where(kind == 6, log_uniform(2, 4.5), t)
    a = np.where(kind == 7, log_uniform(-6, -2), a)
    T = np.where((x > 0) & (T == 0), 5.0, T)
    t_x = np.where(x > 0, T * rng.choice([0.02, 0.3, 0.9, 0.999999, 1.0], size), 0.0)
    return np.stack([np.arange(size) // 8 % 2, r, alpha, a, b, x, t_x, T, t])


def reference(shift, r, alpha, a, b, x, t_x, T, t):
    """Return P(alive) and E[X(t)] in double precision, computed in 100 digits or more."""
    before = None
    for digits in (100, 200, 400, 800):
        with mp.workdps(digits):
            now = _closed_form(shift, r, alpha, a, b, x, t_x, T, t)
        if before is not None and np.allclose(now, before, rtol=1e-15, atol=0):
            return now
        before = now
    return now[0], np.nan


def _closed_form(shift, r, alpha, a, b, x, t_x, T, t):
    """Return P(alive) and E[X(t)] in the present precision."""
    shift = int(shift)
    r, alpha, a, b, x, t_x, T, t = map(mp.mpf, (r, alpha, a, b, x, t_x, T, t))
    alive = mp.mpf(1)
    if x + shift > 0:
        alive = 1 / (1 + a / (b + x + shift - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))
    tau = t / (alpha + T)
    if a == 1:
        a += mp.mpf(10) ** -45
    c = a + b + x + shift - 1
    if abs(c) < mp.mpf(10) ** -40:
        c += mp.mpf(10) ** -45
    s = r + x
    forms = (
        lambda: c / (a - 1) * (1 - mp.hyp2f1(s, a - 1, c, -tau)),
        lambda: c / (a - 1) * (1 - (1 + tau) ** -s * mp.hyp2f1(s, b + x + shift, c, tau / (1 + tau))),
    )
    return float(alive), float(alive * _first_in_time(forms, s * tau))


def _first_in_time(forms, largest):
    """Return the first result that comes within SECONDS and is possible (mpmath errs at times), else NaN."""
    before = signal.signal(signal.SIGALRM, _stop)
    try:
        for form in forms:
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                value = form()
                if 0 <= value <= largest * (1 + mp.mpf(10) ** -20):
                    return value
            except (TimeoutError, ValueError, ZeroDivisionError, mp.libmp.NoConvergence):
                continue
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        return mp.nan
    finally:
        signal.signal(signal.SIGALRM, before)


def _stop(signum, frame):
    raise TimeoutError


def main():
    """Compute every case and store it beside this script."""
    cases = draw(20, CASES * 2)
    results = np.array([reference(*map(float, case)) for case in cases.T]).T
    done = np.isfinite(results).all(axis=0)
    path = Path(__file__).with_name("nasty.npz")
    columns = dict(zip(COLUMNS, cases[:, done], strict=True))
    np.savez_compressed(path, **columns, alive=results[0, done], expected=results[1, done])
    print(path.name, "cases kept:", done.sum(), "left out:", (~done).sum())


if __name__ == "__main__":
    main()
