"""Errors of the kernel. Each names the argument, quotes the wrong value and gives its position."""

import numpy as np

from ._arrays import ArrayLike, Floats


class CustomerBaseError(ValueError):
    """Any problem with input or estimation that the kernel reports."""


class InvalidInputError(CustomerBaseError):
    """An argument is outside its documented range; the message quotes the first wrong value."""


class EmptyDataError(InvalidInputError):
    """There is no customer, or no weight, to estimate from."""


class NotFittedError(CustomerBaseError):
    """A model was used that has neither been fitted nor given parameters."""


def check(valid: ArrayLike, name: str, value: object, rule: str) -> None:
    """Raise unless every element of `valid` is true.

    Parameters
    ----------
    valid : array_like of bool, shape (n,) or ()
    name : str
        The argument's name in the caller's signature.
    value : array_like
        The argument's values, broadcastable to `valid`.
    rule : str
        The rule that each value must obey, e.g. ``"must be >= 0"``.

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


def as_day(name: str, value: object) -> int:
    """Return a day as a whole number.

    Raises
    ------
    InvalidInputError
        When it is not one number, or not a whole one.

    Examples
    --------
    >>> as_day("as_of", 730.0)
    730
    """
    number = as_floats(name, value)  # type: ignore[arg-type]
    check(number.ndim == 0, name, value, "must be one day")
    check(number == np.floor(number), name, value, "must be a whole day")
    return int(number)


def as_floats(name: str, value: ArrayLike, minimum: float | None = None, strict: bool = False) -> Floats:
    """Return `value` as a float64 array; refuse values that are not finite numbers or lie below `minimum`.

    Parameters
    ----------
    name : str
    value : array_like
    minimum : float, optional
        The smallest value allowed.
    strict : bool
        Whether `minimum` itself is refused, too.

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
        given = np.asarray(value)
        # a cast would turn a date into a number, and drop the imaginary part of a complex one
        array = None if given.dtype.kind in "cmM" else given.astype(float, copy=False)
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise InvalidInputError(f"{name} must be numbers, got {value!r}")
    check(np.isfinite(array), name, array, "must be finite")
    if minimum is not None:
        valid = array > minimum if strict else array >= minimum
        check(valid, name, array, f"must be {'>' if strict else '>='} {minimum:g}")
    return array
