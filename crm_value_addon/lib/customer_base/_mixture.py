"""Expected purchases of a live customer: the one integral of both purchase models, stable and fast.

For s = r + x, p ~ Beta(a, B) and tau = t / (alpha + T),

    G(tau) = E_p[(1 - (1 + p tau)^-s) / p],

which is E[X(t) | alive] of BG/NBD (B = b + x) and of MBG/NBD (B = b + x + 1). The papers' closed form with
2F1 subtracts nearly equal numbers. It fails near a = 1, for large a or b, for tiny t and for many purchases.

Two facts make the integral both exact and cheap:

* In z = logit(p) the integrand is analytic in a strip whose width does not depend on tau, so the trapezoid
  rule converges exponentially. Its slow tails are subtracted first: f = (1 - (1 + p tau)^-s) / (s tau p)
  behaves at p -> 0 like c(p) = (1 - p)^m with m = (s + 1) tau / 2, and at p -> 1 like f(1) p^2; both have
  expectations in closed form. log f is convex in p with slope -m at 0, so c <= f and nothing cancels.
* G depends on T and t through tau alone. Per distinct x it is one smooth function, stored as a Chebyshev
  polynomial per octave of tau. The octaves are fixed (powers of 2), so that a customer's figure does not depend on
  the other customers in the same call.
"""

from collections.abc import Callable

import numpy as np

from ._arrays import Floats, Ints
from ._distinct import distinct

# Precision of the tails as a natural logarithm: exp(-37) = 9e-17.
_CUT = 37.0
# Degree 17 on an octave: the nearest singularity (tau = 0) leaves an error of 5.83^-18 = 2e-14.
_NODES = 18
_ANGLES = (np.arange(_NODES) + 0.5) * (np.pi / _NODES)
_NODE_TAU = 0.75 + 0.25 * np.cos(_ANGLES)
_TO_COEFFICIENTS = np.cos(np.outer(np.arange(_NODES), _ANGLES)) * (2 / _NODES)
_TO_COEFFICIENTS[0] /= 2
_BLOCK = 1 << 15


def expected_alive(s: Floats, a: float, big_b: Floats, index: Ints, tau: Floats) -> Floats:
    """Return G(tau) for many customers that share few values of x.

    Parameters
    ----------
    s : numpy.ndarray, shape (k,)
        r + x per distinct x, > 0.
    a : float
        > 0.
    big_b : numpy.ndarray, shape (k,)
        b + x or b + x + 1 per distinct x, > 0.
    index : numpy.ndarray of int, shape (n,)
        Position of each customer's x among the k values.
    tau : numpy.ndarray, shape (n,)
        t / (alpha + T), >= 0.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    mantissa, octave = np.frexp(tau)
    # Below 2^-500 all digits of G(tau) / (s tau) are those of 1, and the octave would leave the range of a float.
    octave = np.maximum(octave, -500)
    low = int(octave.min(initial=0))
    span = int(octave.max(initial=0)) - low + 1
    keys, panel = distinct(index * span + (octave - low))
    which, octaves = np.divmod(keys, span)
    table = _panels(s[which], float(a), big_b[which], np.ldexp(1.0, octaves + low))
    scale = s[index] * tau
    result = np.empty(tau.shape)
    for start in range(0, tau.size, _BLOCK):
        chunk = slice(start, start + _BLOCK)
        result[chunk] = scale[chunk] * _clenshaw(table[panel[chunk]].T, 4 * mantissa[chunk] - 3)
    return result


def _clenshaw(coefficients: Floats, position: Floats) -> Floats:
    """Evaluate Chebyshev series at `position` in -1..1; `coefficients` has shape (_NODES, n)."""
    last = np.zeros_like(position)
    before = np.zeros_like(position)
    for row in coefficients[:0:-1]:
        last, before = 2 * position * last - before + row, last
    return position * last - before + coefficients[0]


def _panels(s: Floats, a: float, big_b: Floats, top: Floats) -> Floats:
    """Return Chebyshev coefficients of G(tau) / (s tau) on tau in [top / 2, top], one row per (s, B, top)."""
    tau = top[:, None] * _NODE_TAU
    m = np.maximum((s[:, None] + 1) * tau / 2, 1.0)
    f_one = -np.expm1(-s[:, None] * np.log1p(tau)) / (s[:, None] * tau)
    value = np.exp(log_stay(a, big_b[:, None], m))
    value += f_one * (a / (a + big_b) * (a + 1) / (a + big_b + 1))[:, None]
    first, count, step = _grids(s, a, big_b, m.max(axis=1, initial=1.0))
    for row in range(s.size):
        z = np.arange(first[row], first[row] + count[row]) * step[row]
        value[row] += _remainder(z, float(s[row]), a, float(big_b[row]), tau[row], m[row], f_one[row])
    return np.stack([(value * row).sum(axis=1) for row in _TO_COEFFICIENTS], axis=1)


def _remainder(z: Floats, s: float, a: float, big_b: float, tau: Floats, m: Floats, f_one: Floats) -> Floats:
    """Return E[f(p) - (1 - p)^m - f(1) p^2] for each tau by the trapezoid rule on the nodes `z`."""
    softplus = np.logaddexp(0.0, z)
    p = np.exp(z - softplus)
    weight = np.exp(_log_weight(z, softplus, a, big_b))
    # Normalised by E[p (1 - p)], a moment with short tails, which needs no gamma function.
    weight /= (weight * p * np.exp(-softplus)).sum() * (a + big_b) / a * (a + big_b + 1) / big_b
    p_tau = tau[:, None] * p
    rest = np.expm1(-s * np.log1p(p_tau)) / (-s * p_tau)
    rest -= np.exp(-m[:, None] * softplus)
    rest -= f_one[:, None] * (p * p)
    rest *= weight
    return rest.sum(axis=1)


def _log_weight(z: Floats, softplus: Floats, a: float, big_b: float | Floats) -> Floats:
    """Return the log density of z = logit(p), p ~ Beta(a, B), up to a constant (0 at the mode)."""
    mode = np.log(a / big_b)
    return a * (z - mode) - (a + big_b) * (softplus - np.logaddexp(0.0, mode))


def _grids(s: Floats, a: float, big_b: Floats, m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return first, count and step per row: the nodes (first + i) * step hold the integrand."""

    def drop_left(z: Floats) -> Floats:
        # The integrand is at most density * min(1, m p).
        return -_log_weight(z, np.logaddexp(0.0, z), a, big_b) - np.minimum(0.0, z + np.log(m))

    def drop_right(z: Floats) -> Floats:
        # The integrand is at most density * (1 - p).
        softplus = np.logaddexp(0.0, z)
        return softplus - _log_weight(z, softplus, a, big_b)

    mode = np.log(a / big_b)
    low = _bisect(drop_left, np.minimum(mode, -np.log(m)) - _CUT / (a + 1) - 10, mode)
    high = _bisect(drop_right, np.maximum(mode, 0.0) + _CUT / (big_b + 1) + 10, mode)
    sharpness = np.minimum(a, big_b + np.maximum(m, s)) + 2
    step = 0.24 / np.sqrt(1 + sharpness / 10)
    first = np.floor(low / step)
    return first, np.ceil(high / step) - first + 1, step


def _bisect(drop: Callable[[Floats], Floats], outside: Floats, inside: Floats) -> Floats:
    """Return the point between `outside` and `inside` where the falling `drop` passes _CUT; 12 halvings suffice."""
    for _ in range(12):
        middle = (outside + inside) / 2
        beyond = drop(middle) > _CUT
        outside, inside = np.where(beyond, middle, outside), np.where(beyond, inside, middle)
    return outside


def log_stay(a: float, big_b: Floats, m: float | Floats) -> Floats:
    """Return log E[(1 - p)^m] = log [B(a, B + m) / B(a, B)]: m times not leaving, the broadcast shape."""
    # Of the two equal forms, the one with the smaller increments loses fewer digits.
    by_a = _log_rise(big_b, a) - _log_rise(big_b + m, a)
    by_m = _log_rise(big_b, m) - _log_rise(a + big_b, m)
    return np.where(m < a, by_m, by_a)


def _log_rise(z: Floats, step: float | Floats) -> Floats:
    """Return log Gamma(z + step) - log Gamma(z) for z > 0, step >= 0, without subtracting log-gammas."""
    result = np.zeros(())
    for j in range(12):
        result = result - np.log1p(step / (z + j))
    z = z + 12
    result += (z - 0.5) * np.log1p(step / z) + step * (np.log(z + step) - 1)
    for power, number in ((1, 1 / 12), (3, -1 / 360), (5, 1 / 1260), (7, -1 / 1680)):
        result += number * ((z + step) ** -power - z**-power)
    return result
