"""The settings, as their screen saves them: all of a company's figures depend on them."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st
from input_state import assert_sound, read, restore
from input_values import values

MODEL = "res.config.settings"


# one screen with as many fields as several models
@settings(max_examples=40 if "--exhaustive" in sys.argv else 8)
@given(data=st.data())
def test_settings(door, ids, fields, data):
    """Saved together and executed; refused, the company is what it was."""
    company_fields = {name: field for name, field in fields["res.company"].items() if field.store}
    [company] = ids.of("res.company")[:1]
    before = read(door.site, "res.company", company_fields, company)
    names = data.draw(st.lists(st.sampled_from(sorted(fields[MODEL])), min_size=1, max_size=3, unique=True))
    vals = {name: data.draw(values(fields[MODEL][name], ids)) for name in names}
    pairs = [(fields[MODEL][name], value) for name, value in vals.items()]
    accepted, made = door.tried(MODEL, "create", {"vals_list": [vals]}, "admin", f"{MODEL}: create", pairs)
    if accepted:
        accepted, _answer = door.tried(MODEL, "execute", {"ids": made}, "admin", f"{MODEL}: execute")
    try:
        if accepted:
            assert_sound(door.site)
        else:
            assert read(door.site, "res.company", company_fields, company) == before, f"half a setting of {vals}"
    finally:
        restore(door, "res.company", company_fields, before)
