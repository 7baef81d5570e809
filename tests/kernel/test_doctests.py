"""The examples in the docstrings run and are right."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import customer_base

MODULES = sorted(path.stem for path in Path(customer_base.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    """Every module, the package itself included."""
    module = customer_base if name == "__init__" else import_module(f"customer_base.{name}")
    failed, _ = doctest.testmod(module)
    assert failed == 0


def test_there_are_examples():
    """Guard against a finder that finds nothing."""
    finder = doctest.DocTestFinder()
    found = [
        test
        for name in ("fallback", "purchases", "spend", "value", "rfm")
        for test in finder.find(import_module(f"customer_base.{name}"))
        if test.examples
    ]
    assert len(found) >= 10
