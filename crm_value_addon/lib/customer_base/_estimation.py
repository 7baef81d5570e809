"""The base of the three estimators: optimizer, weak prior, standard errors and restored parameters."""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

import numpy as np
from scipy.optimize import minimize

from ._arrays import ArrayLike, Floats
from .errors import EmptyDataError, InvalidInputError, NotFittedError, as_floats, check

Model = TypeVar("Model", bound="Estimator")

# A parameter this far (in logarithms) from its scale has diverged; the data do not determine it.
_LOG_BOUND = 15.0
# Largest gradient component of the mean log-posterior at which a fit counts as converged. scipy's own
# `success` is too strict near the rounding limit (line search) and too lax on plateaus.
_GRADIENT_TOLERANCE = 1e-5
# The same for a search that begins near the end: two such searches differ by less than anybody reads.
_REFINED = 1e-8
# Steps of it after which the estimate was not near enough.
_STEPS = 12
# Standard error of a logarithm beyond which the data do not determine the parameter.
_LOOSE = 10.0


class Estimator:
    """Parameters by maximum likelihood or, with the weak prior, by maximum a posteriori.

    A subclass names its parameters in `_NAMES`, its prior in `_PRIOR_MEAN` (of the free parameters, which are
    logarithms after scaling) and, in `_UNIT`, the place of the parameter that has a unit, of time or of money.

    Attributes
    ----------
    log_likelihood_ : float
        At the estimate, without the prior; NaN after `from_parameters`.
    converged_ : bool
        False when the optimizer stopped early, or when a parameter reached its bound or is not determined by the
        data.
    covariance_ : numpy.ndarray, shape (k, k)
        Of the logarithms of the parameters, in the order of `_NAMES` (for `GammaGamma` log(q - 1) instead of
        log q); the inverse Hessian of the objective at the estimate, NaN where it is not positive definite.
    standard_errors_ : dict of str to float
        Per parameter, by the delta method.
    """

    _NAMES: ClassVar[tuple[str, ...]] = ()
    _PRIOR_MEAN: ClassVar[tuple[float, ...]] = ()
    _UNIT: ClassVar[int] = 1
    _PRIOR_SD = 1.5

    log_likelihood_: float
    converged_: bool
    covariance_: Floats
    standard_errors_: dict[str, float]

    def __init__(self, prior: bool = True, prior_strength: float = 1.0) -> None:
        self.prior = prior
        self.prior_strength = prior_strength

    @property
    def parameters_(self) -> dict[str, float]:
        """Parameters by name, as a dict of float."""
        if not hasattr(self, self._NAMES[0] + "_"):
            raise NotFittedError(f"{type(self).__name__} has no parameters: fit it first")
        return {name: getattr(self, name + "_") for name in self._NAMES}

    @classmethod
    def _restored(cls: type[Model], values: Sequence[float], covariance: ArrayLike | None) -> Model:
        """Return an estimator with given parameters; `covariance` as in `covariance_`, or None if unknown."""
        model = cls()
        for name, value in zip(cls._NAMES, values, strict=True):
            number = as_floats(name, value, minimum=0, strict=True)
            setattr(model, name + "_", float(number))
        size = len(cls._NAMES)
        # NaN means "unknown" in a fit, and must survive storage.
        matrix = np.zeros((size, size)) if covariance is None else np.asarray(covariance, dtype=float)
        if matrix.shape != (size, size):
            raise InvalidInputError(f"covariance must have shape ({size}, {size}), got {matrix.shape}")
        model.log_likelihood_, model.converged_ = float("nan"), True
        model._set_covariance(matrix)
        return model

    def _set_covariance(self, matrix: Floats) -> None:
        self.covariance_ = matrix
        deviations = np.sqrt(np.diag(matrix)) * self._log_slopes()
        self.standard_errors_ = dict(zip(self._NAMES, deviations.tolist(), strict=True))

    def _log_slopes(self) -> Floats:
        """Return d parameter / d free parameter, which is exp(free parameter), for the delta method."""
        return np.array(list(self.parameters_.values()))

    def _free(self, unit: float) -> Floats:
        """Return the free parameters, where the one that has a unit counts in `unit`."""
        free = np.log(np.maximum(self._log_slopes(), np.finfo(float).tiny))
        free[self._UNIT] -= np.log(unit)
        return free

    def _precision(self) -> float:
        strength = float(as_floats("prior_strength", self.prior_strength, minimum=0))
        return strength / self._PRIOR_SD**2 if self.prior else 0.0

    def _maximise(
        self,
        log_likelihood: Callable[[Floats], tuple[float, Floats]],
        size: float,
        unit: float,
        start: "Estimator | None" = None,
    ) -> tuple[Floats, float, Floats]:
        """Maximise over the free parameters; return them, the log-likelihood there, and their covariance.

        Parameters
        ----------
        log_likelihood : callable
            Takes the free parameters; returns the log-likelihood and its gradient.
        size : float
            Sum of the weights. The objective is a mean, so that tolerances mean the same for 50 and for 1M
            customers.
        unit : float
            What the parameter that has a unit counts in.
        start : Estimator, optional
            Fitted to much the same customers, e.g. last week's. It shortens the search and does not change its end:
            where it does not lead there, the search begins at the prior's mean, as it does without it.
        """
        mean = np.array(self._PRIOR_MEAN)
        precision = self._precision()

        def objective(free: Floats) -> tuple[float, Floats]:
            value, gradient = log_likelihood(free)
            gap = free - mean
            return (0.5 * precision * (gap * gap).sum() - value) / size, (precision * gap - gradient) / size

        near = None if start is None else start._refined(objective, size, unit, mean)
        if near is None:
            near = minimize(
                objective,
                mean,
                jac=True,
                # Not L-BFGS-B, which reaches the same optimum but calls threaded BLAS on vectors of 4. On shared
                # cores the waiting threads cost ten times the fit (.2-.5 s against .03 s on the CDNOW sample).
                method="SLSQP",
                bounds=[(centre - _LOG_BOUND, centre + _LOG_BOUND) for centre in mean],
                options={"ftol": 1e-14, "maxiter": 500},
            ).x
        free, slope = near, objective(near)[1]
        covariance = _inverse(_hessian(lambda point: objective(point)[1] * size, free))
        inside = np.abs(free - mean) < _LOG_BOUND - 1e-3
        # False for NaN as well. A plateau has no gradient either, but there the data do not determine a parameter.
        held = np.diag(covariance) < _LOOSE**2
        self.converged_ = bool(inside.all() and held.all() and np.abs(slope).max() < _GRADIENT_TOLERANCE)
        return free, log_likelihood(free)[0], covariance

    def _refined(
        self, objective: Callable[[Floats], tuple[float, Floats]], size: float, unit: float, mean: Floats
    ) -> Floats | None:
        """Return the minimum of an objective that is near this estimate, None where it is not reached soon.

        Broyden, Fletcher, Goldfarb and Shanno's method, begun with the curvature of this estimate, which much the same
        customers have, too. A step costs one gradient; a week later some four of them do, where a search that knows no
        curvature takes twenty.
        """
        # of the mean objective; a restored estimate does not know how many customers it had
        inverse = self.covariance_ * getattr(self, "customer_count_", size)
        free = self._free(unit)
        # also false for NaN
        if not (np.diag(inverse) > 0).all():
            return None
        slope = objective(free)[1]
        for _ in range(_STEPS):
            if np.abs(slope).max() < _REFINED:
                return free
            step = -(inverse * slope).sum(axis=1)
            free, before = free + step, slope
            if not (np.abs(free - mean) < _LOG_BOUND).all():
                return None
            slope = objective(free)[1]
            change = slope - before
            bend = float((step * change).sum())
            if not bend > 0:
                return None
            moved = (inverse * change).sum(axis=1)
            cross = np.outer(moved, step) / bend
            inverse += np.outer(step, step) * ((bend + (change * moved).sum()) / bend**2) - cross - cross.T
        return None


def _hessian(gradient: Callable[[Floats], Floats], point: Floats, step: float = 1e-4) -> Floats:
    """Return the symmetrised Jacobian of `gradient` by central differences."""
    columns = []
    for shift in np.eye(point.size) * step:
        columns.append((gradient(point + shift) - gradient(point - shift)) / (2 * step))
    matrix = np.array(columns)
    return (matrix + matrix.T) / 2


def _inverse(matrix: Floats) -> Floats:
    """Return the inverse of a positive definite matrix, else NaN: a missing standard error is better than a wrong one.

    The matrix is swept, because LAPACK wakes all its threads for a 4 x 4 matrix: .1 s on two shared cores.
    """
    work = np.array(matrix)
    floor = 1e-12 * np.abs(np.diag(work)).max()
    for k in range(len(work)):
        pivot = work[k, k]
        # Also false for NaN.
        if not pivot > floor:
            return np.full(work.shape, np.nan)
        row = work[k] / pivot
        column = work[:, k].copy()
        work -= np.outer(column, row)
        work[k], work[:, k] = row, -column / pivot
        work[k, k] = 1 / pivot
    return work


def checked_weights(weights: ArrayLike | None, shape: tuple[int, ...]) -> Floats | None:
    """Return weights as floats of `shape`, or None, which stands for ones.

    Raises
    ------
    InvalidInputError
        When a weight is negative or not finite.
    EmptyDataError
        When there is no customer, or all weights are 0.
    """
    if not np.prod(shape):
        raise EmptyDataError("no customers to fit: got 0 rows")
    if weights is None:
        return None
    weights = as_floats("weights", weights, minimum=0)
    check(weights.shape == shape, "weights", weights.shape, f"must have the customers' shape {shape}")
    if not weights.any():
        raise EmptyDataError(f"no customers to fit: all {weights.size} weights are 0")
    return weights
