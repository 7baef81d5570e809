"""Every field of the addon: written, created with, changed in a form, searched for."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from input_schema import models
from input_state import assert_sound, count, read, remove, restore
from input_values import OPERATORS, values

LOGINS = ["admin", "manager", "demo"]
OPERATIONS = ["write", "write", "write", "create", "onchange", "search_count"]
#: written through its own screen, see test_settings.py
MOST = 30 if "--exhaustive" in sys.argv else 8
MODELS = [model for model in models() if model != "res.config.settings"]


@pytest.mark.parametrize("model", MODELS)
@given(data=st.data())
def test_field(model, door, ids, fields, data):
    """Some operations one after the other; what was accepted stays until a refresh has gone through it."""
    attempt = Attempt(door, ids, model, fields.get(model, {}))
    if not attempt.fields:
        pytest.skip("an abstract model")
    try:
        for _step in range(data.draw(st.integers(1, MOST))):
            attempt.step(data.draw)
        if attempt.accepted:
            assert_sound(door.site)
    finally:
        attempt.undo()


class Attempt:
    """A few operations on one model, and the way back."""

    def __init__(self, door, ids, model, fields):
        self.door, self.ids, self.model, self.site = door, ids, model, door.site
        self.fields = {name: field for name, field in fields.items() if name != "id"}
        self.stored = {name: field for name, field in self.fields.items() if field.store and field.type != "binary"}
        self.before, self.created, self.accepted = {}, [], False

    def step(self, draw):
        """Draw and do one operation."""
        getattr(self, draw(st.sampled_from(OPERATIONS)))(draw, draw(st.sampled_from(LOGINS)))

    def draw_vals(self, draw, most):
        names = draw(st.lists(st.sampled_from(sorted(self.fields)), min_size=1, max_size=most, unique=True))
        return {name: draw(values(self.fields[name], self.ids)) for name in names}

    def pairs(self, vals):
        return [(self.fields[name], value) for name, value in vals.items()]

    def write(self, draw, login):
        record_id = draw(st.sampled_from(self.ids.of(self.model)))
        vals = self.draw_vals(draw, 2)
        before = read(self.site, self.model, self.stored, record_id) if 0 < record_id < 2**31 else None
        accepted, _answer = self.door.tried(
            self.model, "write", {"ids": [record_id], "vals": vals}, login, f"{self.model}: write", self.pairs(vals)
        )
        if accepted and before:
            self.before.setdefault(record_id, before)
            self.accepted = True
        elif before:
            assert read(self.site, self.model, self.stored, record_id) == before, f"half a write of {vals}"

    def create(self, draw, login):
        vals = self.draw_vals(draw, 4)
        for name, field in self.fields.items():
            if field.required and not field.readonly and name not in vals and draw(st.integers(0, 9)):
                vals[name] = draw(values(field, self.ids))
        before = count(self.site, self.model)
        accepted, answer = self.door.tried(
            self.model, "create", {"vals_list": [vals]}, login, f"{self.model}: create", self.pairs(vals)
        )
        if accepted:
            self.created += answer
            self.accepted = True
        else:
            assert count(self.site, self.model) == before, f"half a creation of {vals}"

    def onchange(self, draw, login):
        vals = self.draw_vals(draw, 2)
        specification = {name: {} for name in self.fields}
        self.door.tried(
            self.model,
            "onchange",
            {"values": vals, "field_names": sorted(vals), "fields_spec": specification},
            login,
            f"{self.model}: onchange",
            self.pairs(vals),
        )

    def search_count(self, draw, login):
        searchable = [field for _name, field in sorted(self.fields.items()) if field.searchable]
        if not searchable:
            return
        field = draw(st.sampled_from(searchable))
        value = draw(st.one_of(values(field, self.ids), st.lists(values(field, self.ids), max_size=2)))
        self.door.tried(
            self.model,
            "search_count",
            {"domain": [[field.name, draw(st.sampled_from(OPERATORS)), value]]},
            login,
            f"{self.model}: search",
            [(field, value)],
        )

    def undo(self):
        """Write back what was there and remove what was not."""
        remove(self.door, self.model, self.created)
        for before in self.before.values():
            restore(self.door, self.model, self.stored, before)
