"""One way in for everything that is tried, and the judgement of each answer."""

import json
from collections import Counter, defaultdict

import requests

#: what a user can do something with
CLEAR = (
    "UserError",
    "ValidationError",
    "AccessError",
    "AccessDenied",
    "MissingError",
    "RedirectWarning",
    "NotFound",
    "UnprocessableEntity",
    "LockError",
    "Forbidden",
    "BadRequest",
    "ConcurrencyError",
)
#: a message with one of these was written for somebody else
UNCLEAR = ("Traceback", "psycopg2", " object at 0x", "<class '", "NoneType", "unexpected keyword", "KeyError(")
#: fields of Odoo's own, by type: what Odoo itself cannot read there is none of our business
_BASELINE = {
    "char": "name",
    "text": "lost_feedback",
    "html": "description",
    "integer": "color",
    "float": "probability",
    "monetary": "expected_revenue",
    "boolean": "active",
    "date": "date_deadline",
    "datetime": "date_open",
    "selection": "type",
    "many2one": "country_id",
    "many2many": "tag_ids",
    "one2many": "activity_ids",
}
#: rounded to a number of digits, which opportunities' numbers are not
_ROUNDED = ("product.template", "weight")
#: of types that opportunities do not have
_BASELINE_ELSEWHERE = {"json": ("sale.order.line", "analytic_distribution"), "binary": ("base.language.import", "data")}
_SECONDS = 120


class Door:
    """Calls methods as users would and counts what became of it."""

    def __init__(self, site):
        self.site = site
        self.counts = defaultdict(Counter)
        self.core = Counter()
        self._session = requests.Session()
        self._baseline = {}
        self._made = {}
        lead = site.call("crm.lead", "create", vals_list=[{"name": "Baseline", "type": "opportunity"}])
        self._lead = lead[0]

    def post(self, model, method, body, login):
        """Return the status and the parsed answer; what JSON calls NaN is sent as it is."""
        response = self._session.post(
            f"{self.site.url}/json/2/{model}/{method}",
            data=json.dumps(body).encode(),
            timeout=_SECONDS,
            headers={"Authorization": f"bearer {self.site.key(login)}", "Content-Type": "application/json"},
        )
        try:
            return response.status_code, response.json()
        except ValueError:
            return response.status_code, response.text

    def made(self, model, login):
        """Return a wizard of this user's, made with its defaults; nothing where that is not possible."""
        if (model, login) not in self._made:
            status, answer = self.post(model, "create", {"vals_list": [{}]}, login)
            self._made[model, login] = answer if status < 300 else []
        return self._made[model, login]

    def tried(self, model, method, body, login, kind, baseline=(), same=None):
        """Call, judge and count: return (was it accepted, the answer).

        :param kind: under which the call is counted
        :param baseline: pairs (field, value) in the call; what Odoo fails at in a field of its own is Odoo's
        :param same: a (model, method, ids) of Odoo's; ids at which that fails are Odoo's, too
        :raise AssertionError: the answer is neither an acceptance nor a clear sentence
        """
        status, answer = self.post(model, method, body, login)
        counts = self.counts[kind]
        counts["tried"] += 1
        if status < 300:
            counts["accepted"] += 1
            return True, answer
        if status >= 500 and (
            any(self._fails_in_odoo(method, field, value, body) for field, value in baseline)
            or same
            and self._fails_at_ids(*same) == self._name(answer)
        ):
            counts["as_odoo"] += 1
            return False, answer
        said = answer.get("message") if isinstance(answer, dict) else str(answer)
        what = f"{login} {model}.{method} {json.dumps(body)[:600]}\n→ {status} {said}\n" + (
            answer.get("debug", "")[-1500:] if isinstance(answer, dict) else ""
        )
        assert status < 500, what
        assert self._name(answer) in CLEAR and said and not any(word in said for word in UNCLEAR), what
        counts["refused"] += 1
        return False, answer

    def _fails_in_odoo(self, method, field, value, body):
        kind = getattr(field, "type", None)
        model, own = _BASELINE_ELSEWHERE.get(kind) or ("crm.lead", _BASELINE.get(kind))
        if not own:
            return False
        if method == "write" and not body["ids"][0]:
            # a translated text of the record that is none
            return self.post("crm.tag", "write", {"ids": [0], "vals": {"name": "x"}}, "admin")[0] >= 500
        operator = body["domain"][0][1] if method == "search_count" else ""
        key = (method, field.type, operator, json.dumps(value))
        if key not in self._baseline:
            status, answer = self.post(model, *self._same_of_odoo(method, model, own, value, operator, body), "admin")
            if method == "create" and status < 300:
                self.post(model, "unlink", {"ids": answer}, "admin")
            if status < 500 and kind in ("float", "monetary") and method in ("write", "create", "onchange"):
                model, own = _ROUNDED
                status, answer = self.post(
                    model, *self._same_of_odoo(method, model, own, value, operator, body), "admin"
                )
                if method == "create" and status < 300:
                    self.post(model, "unlink", {"ids": answer}, "admin")
            self._baseline[key] = status >= 500
            if status >= 500:
                self.core[f"{method}, {field.type}: {self._name(answer)}"] += 1
        return self._baseline[key]

    @staticmethod
    def _name(answer):
        """Return the name of an error; that of a bare page is none."""
        return answer["name"].rpartition(".")[2] if isinstance(answer, dict) else "no JSON"

    def _fails_at_ids(self, model, method, ids):
        """Return the name of the error that a method of Odoo's ends with at such ids."""
        # our ids may be anybody's there
        as_there = (
            [self._lead if isinstance(one, int) and 0 < one < 2**31 - 1 else one for one in ids]
            if isinstance(ids, list)
            else ids
        )
        distinct = isinstance(as_there, list) and as_there.count(self._lead) > 1
        as_there = [*as_there, *self._second_lead()] if distinct else as_there
        status, answer = self.post(model, method, {"ids": as_there}, "admin")
        if status < 500:
            return ""
        self.core[f"ids: {self._name(answer)}"] += 1
        return self._name(answer)

    def _second_lead(self):
        return self.site.call("crm.lead", "search", domain=[("id", "!=", self._lead)], limit=1)

    def _same_of_odoo(self, method, model, own, value, operator, body):
        record_id = (
            self._lead
            if model == "crm.lead"
            else [*self.site.call(model, "search", domain=[], limit=1), 2_000_000_000][0]
        )
        if method == "search_count":
            return method, {"domain": [[own, operator, value]]}
        if method == "create":
            return method, {"vals_list": [{"name": "Baseline", own: value}]}
        if method == "onchange":
            return method, body | {
                "values": {own: value},
                "field_names": [own],
                "fields_spec": {own: {}},
                "ids": [record_id],
            }
        return "write", {"ids": [record_id], "vals": {own: value}}
