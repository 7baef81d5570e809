"""Every public method of the addon: with records that are there, that are another company's, and that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from input_schema import context_keys, methods
from input_state import assert_sound
from input_values import DATES, NUMBERS, TEXTS, WRONG

LOGINS = ["admin", "manager", "demo"]
#: Odoo's methods that the addon extends: their arguments are Odoo's
_OF_ODOO = {"copy", "action_confirm", "message_subscribe"}
#: a method of Odoo's for one record, as many of the addon's are
_BASELINE = ("crm.lead", "redirect_lead_opportunity_view")
_ANYTHING = st.one_of(*map(st.sampled_from, (WRONG, NUMBERS, TEXTS, DATES, ["month", "year", "growth_value", "clv"])))


@pytest.fixture(scope="module", autouse=True)
def refreshed_in_the_end(door):
    """Whatever was called: a refresh goes through, and the figures are those of the books."""
    yield
    assert_sound(door.site)


@pytest.mark.parametrize("method", methods(), ids=lambda method: f"{method.model}.{method.name}")
@given(data=st.data())
def test_method(method, door, ids, data):
    """A method answers, or says what is wrong."""
    for _call in range(data.draw(st.integers(1, 8))):
        call(method, door, ids, data.draw)


def call(method, door, ids, draw):
    """Draw and make one call."""
    login = draw(st.sampled_from(LOGINS))
    body = {}
    if not method.on_model:
        # a record of this user's own, where it is a wizard
        known = [*ids.of(method.model), *door.made(method.model, login)]
        body["ids"] = draw(
            st.one_of(
                st.lists(st.sampled_from(known), min_size=1, max_size=1),
                st.lists(st.sampled_from(known), max_size=3),
                st.sampled_from(WRONG),
            )
        )
    if method.name not in _OF_ODOO:
        body |= {name: draw(_ANYTHING) for name in method.parameters if draw(st.booleans())}
    if draw(st.booleans()):
        context = draw(st.dictionaries(st.sampled_from(context_keys()), _ANYTHING, max_size=2))
        body["context"] = context | draw(st.sampled_from([{}, {"allowed_company_ids": ids.of("res.company")[:1]}]))
    kind = f"{method.model}.{method.name}"
    door.tried(method.model, method.name, body, login, kind, same=(*_BASELINE, body.get("ids", [])))
