"""Sentences that are stored as data, so that everybody reads them in their own language.

A sentence is what Odoo's lazy translation says of it: a term in English, the module that translates it, and values. The
refresh, which nobody watches, stores it (`to_data`); a computed field makes a text of it for its reader (`to_text`).
"""

from typing import NamedTuple

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import formatLang
from odoo.tools.translate import LazyGettext


class Label(NamedTuple):
    """A value of a sentence: the label of a field, in the reader's language."""

    model: str
    name: str


class Name(NamedTuple):
    """A value of a sentence: the name of a record, in the reader's language; the one of then once it is gone."""

    model: str
    res_id: int
    name: str

    @classmethod
    def of(cls, record):
        return cls(record._name, record.id, record.display_name)


class Number(NamedTuple):
    """A value of a sentence: a number, with cents where it has some, as the reader writes numbers."""

    number: float


class _Said:
    """An error whose sentence can be stored: `said`, a lazy term with its values."""

    def __init__(self, env, said):
        super().__init__(to_text(env, to_data(said)))
        self.said = said


class SaidError(_Said, UserError):
    """A refusal whose sentence can be stored."""


class SaidValidationError(_Said, ValidationError):
    """A refusal of what does not fit together whose sentence can be stored."""


class SaidAccessError(_Said, AccessError):
    """A refusal by missing rights whose sentence can be stored."""


def describe_error(error):
    """Return an error in words, without the row that PostgreSQL quotes: its figures and texts are not for everybody."""
    text = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    return f"{type(error).__name__}: {text}".strip()


def reason_of(error):
    """Return an error as a sentence: its own, or what describes it."""
    return getattr(error, "said", None) or describe_error(error)


def words_of(error):
    """Return an error as a sentence: its own, or its text, which is for users."""
    return getattr(error, "said", None) or str(error)


def with_values(said, **values):
    """Return a lazy term that was declared without values, with them."""
    return LazyGettext(said._source, _module=said._module, **values)


def to_data(said):
    """Return a sentence as JSON: a lazy term, its values included; what was words already stays."""
    if isinstance(said, LazyGettext):
        values = said._args or {}
        return {"module": said._module, "term": said._source, "values": {k: to_data(v) for k, v in values.items()}}
    if isinstance(said, Label):
        return {"label": list(said)}
    if isinstance(said, Number):
        return {"number": said.number}
    return {"name": list(said)} if isinstance(said, Name) else said


def to_text(env, data):
    """Return the text of what `to_data` returned, in the language of the environment."""
    if not isinstance(data, dict):
        return data
    if "label" in data:
        model, name = data["label"]
        field = env[model]._fields.get(name) if model in env else None
        return field._description_string(env) if field else name
    if "number" in data:
        return formatLang(env, data["number"], digits=2 if data["number"] % 1 else 0)
    if "name" in data:
        model, res_id, name = data["name"]
        # sudo: only its name, which the sentence told everybody who reads it
        record = env[model].sudo().browse(res_id).exists() if model in env else None
        return record.display_name if record else name
    values = {name: to_text(env, value) for name, value in data["values"].items()}
    return env._(LazyGettext(data["term"], _module=data["module"], **values))


def to_lines(env, notes):
    """Return the text of several sentences, a line each; False for none."""
    return "\n".join(str(to_text(env, note)) for note in notes or ()) or False
