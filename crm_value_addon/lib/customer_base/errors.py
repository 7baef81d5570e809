"""Errors of the kernel: each names the argument, quotes the offending value and says where it stands."""

import numpy as np


class CustomerBaseError(ValueError):
    """Any input or estimation problem the kernel reports."""


class InvalidInputError(CustomerBaseError):
    """An argument is outside its documented range; the message quotes the first bad value."""


class EmptyDataError(InvalidInputError):
    """There is no customer (or no weight) to estimate from."""


class NotFittedError(CustomerBaseError):
    """A prediction was asked of a model that has neither been fitted nor given parameters."""


def check(valid, name, value, rule):
    """Raise unless every element of `valid` is true.

    Parameters
    ----------
    valid : array_like of bool, shape (n,) or ()
    name : str
        The argument as the caller knows it.
    value : array_like
        The argument's values, broadcastable to `valid`.
    rule : str
        What should have held, e.g. ``"must be >= 0"``.

    Raises
    ------
    InvalidInputError
        Quoting the first value that breaks the rule and its position.

    Examples
    --------
    >>> check([True, False], "T", [3.0, -1.0], "must be >= 0")
    Traceback (most recent call last):
        ...
    customer_base.errors.InvalidInputError: T must be >= 0, got -1.0 at position 1
    """
    valid = np.asarray(valid)
    if valid.all():
        return
    if valid.ndim == 0:
        raise InvalidInputError(f"{name} {rule}, got {value}")
    index = int(np.argmin(valid.ravel()))
    first = np.broadcast_to(np.asarray(value), valid.shape).ravel()[index]
    raise InvalidInputError(f"{name} {rule}, got {first.item()} at position {index}")


def as_floats(name, value, minimum=None, strict=False):
    """Return `value` as a float64 array, refusing what is not a finite number or lies below `minimum`.

    Parameters
    ----------
    name : str
    value : array_like
    minimum : float, optional
        Smallest value allowed (excluded when `strict`).
    strict : bool

    Returns
    -------
    numpy.ndarray of float64, the shape of `value`

    Raises
    ------
    InvalidInputError

    Examples
    --------
    >>> as_floats("T", [1, 2], minimum=0)
    array([1., 2.])
    """
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{name} must be numbers, got {value!r}") from None
    check(np.isfinite(array), name, array, "must be finite")
    if minimum is not None:
        valid = array > minimum if strict else array >= minimum
        check(valid, name, array, f"must be {'>' if strict else '>='} {minimum:g}")
    return array
