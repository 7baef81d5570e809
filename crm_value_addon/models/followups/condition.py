"""The condition of a rule: data, not code.

How to use: `parse_condition(env, text, now)` returns the domain; `check_fields(records, domain)` asks whether the user
of the records may read all fields that it uses.

How it works: the text is Odoo's notation of a domain, a list of comparisons with fixed values. It is read, never run.
Of all expressions it may hold those of days that Odoo's editors write, such as
``context_today() - relativedelta(days=30)``. (The editor of this version writes "today -30d", a value like others,
which Odoo resolves in the search.) Anything else would let the author of a rule compute what the rule, which runs as
the superuser, is to look at.
"""

import ast
from datetime import date, datetime, time, timedelta

import pytz
from dateutil.relativedelta import relativedelta

from odoo.fields import Domain
from odoo.tools.translate import LazyTranslate

from ..refresh.said import Label, SaidAccessError, SaidError

_lt = LazyTranslate(__name__)

_CONNECTORS = ("&", "|", "!")
#: operators whose value is a condition on the records that a field leads to
_NESTED = ("any", "not any")
_STEPS = {
    "relativedelta": (relativedelta, ("years", "months", "weeks", "days", "year", "month", "day", "weekday")),
    "timedelta": (timedelta, ("weeks", "days")),
}


class _NotAllowed(Exception):
    """A part of the text that is neither a value nor a day; its argument is that part."""


def parse_condition(env, text, now):
    """Return the domain that a text denotes.

    :param datetime now: the present, with the timezone of the company
    :raise UserError: the text is no list of comparisons with fixed values or days
    """
    try:
        return Domain(_list(ast.parse((text or "[]").strip(), mode="eval").body, now))
    except _NotAllowed as error:
        raise SaidError(
            env,
            _lt(
                "“%(part)s” is not allowed. A condition is a list of comparisons of fields with fixed values, or with "
                "days such as “today -30d”.",
                part=ast.unparse(error.args[0])[:100],
            ),
        ) from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SaidError(env, _lt("it is not a list of conditions")) from error
    except (ArithmeticError, TypeError) as error:
        raise SaidError(env, _lt("a day in it is out of reach")) from error


def check_fields(records, domain):
    """Ask whether the user of records may read every field that a domain on them uses, wherever its paths lead.

    :raise AccessError: a field that the user may not read, or on records that they may not read
    :raise ValueError: an unknown field
    """
    for condition in domain.iter_conditions():
        target = records
        for name in condition.field_expr.split("."):
            if target is None:
                break  # a part of a day, or of properties
            target = _step(target, name)
        if condition.operator in (*_NESTED, "any!", "not any!") and target is not None:
            check_fields(target, Domain(condition.value))


def _step(records, name):
    """Return the records that a field leads to, None when it is a value; the user must be allowed to read it."""
    field = records._fields.get(name)
    if field is None:
        raise ValueError(records.env._("%(model)s has no field “%(field)s”", model=records._description, field=name))
    if not (records.has_access("read") and records._has_field_access(field, "read")):
        raise SaidAccessError(
            records.env,
            _lt(
                "%(user)s may not read the field “%(field)s” of %(model)s.",
                user=records.env.user.name,
                field=Label(records._name, name),
                model=records._description,
            ),
        )
    return records.env[field.comodel_name] if field.relational else None


def _list(node, now):
    if not isinstance(node, ast.List | ast.Tuple):
        raise _NotAllowed(node)
    return [_term(element, now) for element in node.elts]


def _term(node, now):
    """Return a connector or a comparison."""
    if isinstance(node, ast.Constant) and node.value in _CONNECTORS:
        return node.value
    if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) != 3:
        raise _NotAllowed(node)
    path, operator, value = node.elts
    for part in (path, operator):
        if not isinstance(part, ast.Constant):
            raise _NotAllowed(part)
    if operator.value in _NESTED:
        return (path.value, operator.value, _list(value, now))
    return (path.value, operator.value, _value(value, now))


def _value(node, now):
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(element, now) for element in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        if type(node.operand.value) in (int, float):
            return -node.operand.value
    return _day(node, now)


def _day(node, now):
    """Return what one of the expressions of days stands for."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        day, step = _day(node.left, now), _step_of_days(node.right)
        if not isinstance(day, date):
            raise _NotAllowed(node)
        return day + step if isinstance(node.op, ast.Add) else day - step
    if not isinstance(node, ast.Call):
        raise _NotAllowed(node)
    name = ast.unparse(node.func)
    if name == "context_today" and not (node.args or node.keywords):
        return now.date()
    if name in ("datetime.datetime.combine", "datetime.combine") and len(node.args) == 2 and not node.keywords:
        return datetime.combine(_day(node.args[0], now), _time_of_day(node.args[1]))
    if isinstance(node.func, ast.Attribute) and not node.keywords:
        return _method(node, now)
    raise _NotAllowed(node)


def _method(node, now):
    """Return a day as text, or in universal time."""
    day = _day(node.func.value, now)
    if node.func.attr == "strftime" and isinstance(day, date) and len(node.args) == 1:
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            return day.strftime(node.args[0].value)
    if node.func.attr == "to_utc" and isinstance(day, datetime) and not node.args:
        return now.tzinfo.localize(day).astimezone(pytz.utc).replace(tzinfo=None)
    raise _NotAllowed(node)


def _step_of_days(node):
    """Return a number of days, weeks, months or years."""
    if not isinstance(node, ast.Call) or node.args:
        raise _NotAllowed(node)
    step, known = _STEPS.get(ast.unparse(node.func).removeprefix("datetime."), (None, ()))
    numbers = {keyword.arg: keyword.value for keyword in node.keywords}
    if step is None or not set(numbers).issubset(known):
        raise _NotAllowed(node)
    return step(**{name: _integer(value) for name, value in numbers.items()})


def _time_of_day(node):
    if not isinstance(node, ast.Call) or node.keywords or ast.unparse(node.func) not in ("datetime.time", "time"):
        raise _NotAllowed(node)
    return time(*map(_integer, node.args))


def _integer(node):
    number = _value(node, None) if isinstance(node, ast.Constant | ast.UnaryOp) else None
    if type(number) is not int:
        raise _NotAllowed(node)
    return number
