import json

from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tools import mute_logger

from ...const import MARGIN_GROUP
from .common_trust import TrustCase

_MODULE = "crm_value_addon"
#: models from which a path may lead to a hidden figure, besides those of the addon
_STARTS = (
    "res.partner",
    "res.users",
    "sale.order",
    "crm.lead",
    "account.move",
    "sale.report",
    "mail.activity",
    "sale.order.line",
    "loyalty.card",
    "crm.team",
    "res.company",
)
#: figures that stand for all of their model where the path is not the point
_TYPICAL = {
    "crm.value": "clv",
    "res.partner": "clv",
    "sale.order": "clv",
    "crm.value.snapshot": "equity",
    "crm.value.purchase": "margin",
    "crm.value.followup": "outcome_margin",
    "crm.value.tier.change": "figures",
    "crm.value.fit": "margin_ratio",
}


class TestMarginHidden(TrustCase):
    """A salesperson outside the group finds no margin, no CLV and nothing derived from them, whatever it asks."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seller = cls.users["own"]
        cls.seller.group_ids = [Command.link(cls.env.ref("base.group_allow_export").id)]
        cls.env.registry.clear_cache("groups")
        # so that every path leads to a figure
        cls.sale.user_id = cls.lead.user_id = cls.seller
        cls.buyer.user_id = cls.seller
        followup = cls.records["crm.value.followup"]
        followup.activity_id = cls.activity = cls.buyer.activity_schedule(
            "mail.mail_activity_data_todo", user_id=cls.seller.id, value_followup_id=followup.id
        )
        cls.hidden = {
            model: names
            for model in cls.env.registry
            if (
                names := [
                    name
                    for name, field in cls.env[model]._fields.items()
                    if MARGIN_GROUP in (field.groups or "") and "group_sale_salesman" not in field.groups
                ]
            )
        }

    def ask(self, model, method, *args, **kwargs):
        self.env.invalidate_all()
        env = self.env(user=self.seller, context={"allowed_company_ids": self.company.ids})
        return call_kw(env[model], method, list(args), kwargs)

    @mute_logger("odoo.models", "odoo.sql_db")
    def assertRefused(self, model, method, *args, **kwargs):
        with self.subTest(model=model, method=method, args=str(args)[:120], kwargs=str(kwargs)[:120]):
            try:
                with self.env.cr.savepoint():
                    answer = self.ask(model, method, *args, **kwargs)
            except (AccessError, ValueError):  # ValueError: Odoo does not know such a question at all
                return
            self.fail(f"answered with {str(answer)[:200]}")

    def test_the_fields_are_known(self):
        self.assertLessEqual(
            {"crm.value", "res.partner", "sale.order", "crm.value.snapshot", "crm.value.purchase"}, self.hidden.keys()
        )
        self.assertIn("clv", self.hidden["crm.value"])
        self.assertEqual(
            set(_TYPICAL),
            {
                model
                for model in self.hidden
                if not self.env[model]._transient
                and model not in ("res.users", "sale.order.line", "crm.value.tier.cost")
            }
            & set(_TYPICAL),
        )

    def test_hidden_from_descriptions_and_views(self):
        kinds = ("list", "form", "kanban", "graph", "pivot", "search")
        for model, names in self.hidden.items():
            if self.env[model].with_user(self.seller).has_access("read"):
                self.assertFalse(set(self.ask(model, "fields_get", [], ["string"])) & set(names), model)
                for view in self.env["ir.ui.view"].search([("model", "=", model), ("type", "in", kinds)]):
                    if view.mode == "primary":
                        arch = self.ask(model, "get_view", view.id, view.type)["arch"]
                        shown = {node.get("name") for node in etree.fromstring(arch).iter("field", "filter")}
                        self.assertFalse(shown & set(names), f"{model}: view {view.name}")
                        self.assertNoPath(arch, model, view)

    def assertNoPath(self, arch, model, view):
        """No filter, grouping or condition of a view names a hidden figure; Odoo would answer it with an error."""
        for node in etree.fromstring(arch).iter():
            for attribute in ("domain", "context", "invisible", "default_order", "options", "decoration-danger"):
                text = node.get(attribute) or ""
                for name in ("clv", "margin_12m", "margin_total", "realised_value"):
                    self.assertNotIn(f"'{name}'", text, f"{model}: view {view.name}")

    def test_each_field(self):
        for model, names in self.hidden.items():
            for name in names:
                self.check_doors(model, name, paths=False)

    def test_each_path(self):
        starts = {*_STARTS, *(name for name, cls in self.env.registry.items() if cls._original_module == _MODULE)}
        for model in sorted(starts):
            Model = self.env[model]
            if Model._abstract or not Model.with_user(self.seller).has_access("read"):
                continue
            for relation, field in Model._fields.items():
                hidden = _TYPICAL.get(field.comodel_name) if field.relational else None
                # what the field itself does not admit, its path does not
                if hidden and (field.store or field.search):
                    self.check_doors(model, f"{relation}.{hidden}", paths=True)

    def check_doors(self, model, path, paths):
        Model = self.env[model]
        if not Model.with_user(self.seller).has_access("read") or Model._transient:
            return
        record = self.records.get(model) or {
            "res.partner": self.buyer,
            "sale.order": self.sale,
            "crm.lead": self.lead,
            "mail.activity": self.activity,
            "account.move": self.document,
            "res.users": self.seller,
        }.get(model, Model.search([], limit=1))
        relation, _dot, name = path.partition(".")
        self.assertRefused(model, "search_count", [(path, ">", 1)])
        self.assertRefused(model, "search", [], order=f"{path} desc")
        self.assertRefused(model, "formatted_read_group", [], [path], ["__count"])
        self.assertRefused(model, "formatted_read_group", [], [], [f"{path}:sum"])
        self.assertRefused(model, "formatted_read_group", [], ["id"], ["__count"], having=[(f"{path}:sum", ">", 1)])
        self.assertRefused(model, "read", record.ids, [path])
        self.assertNoExport(model, record, path.replace(".", "/"))
        if paths:
            self.assertRefused(model, "search_count", [(relation, "any", [(name, ">", 1)])])
            self.assertRefused(model, "search_count", [(relation, "not any", [(name, ">", 1)])])
            self.assertRefused(model, "search_count", [(relation, "any!", [(name, ">", 1)])])
            if record.with_user(self.seller).sudo()[relation]:
                self.assertRefused(model, "web_read", record.ids, {relation: {"fields": {name: {}}}})

    @mute_logger("odoo.models", "odoo.sql_db")
    def assertNoExport(self, model, record, path):
        """Odoo leaves a cell of an export empty where there is no record to read; a figure is never in it."""
        with self.subTest(model=model, export=path):
            try:
                with self.env.cr.savepoint():
                    rows = self.ask(model, "export_data", record.ids, [path])["datas"]
            except (AccessError, ValueError):
                return
            self.assertFalse([cell for row in rows for cell in row if cell], rows)

    def test_other_methods(self):
        value, partner = self.worth, self.buyer
        self.assertRefused("crm.value", "explain_value", value.ids)
        self.assertRefused("crm.value", "action_open_part", value.ids, "purchases")
        self.assertRefused("crm.value.equity", "equity_summary")
        self.assertRefused("crm.value", "read_progress_bar", [], "tier_id", {"field": "clv", "colors": {}})
        self.assertRefused(
            "crm.value", "search_panel_select_range", "tier_id", search_domain=[("clv", ">", 1)], enable_counters=True
        )
        self.assertRefused("res.partner", "web_search_read", [("clv", ">", 1)], {"name": {}})
        self.assertRefused("res.partner", "web_read_group", [], ["country_id"], ["clv:sum"])
        self.assertRefused("res.partner", "name_search", "", [("clv", ">", 1)])
        for path in ("create_uid.partner_id.clv", "write_uid.partner_id.category_id.partner_ids.clv"):
            # Odoo searches attachments by sudo
            self.assertRefused("ir.attachment", "search_count", [(path, ">", 1)])
        self.assertEqual(self.ask("ir.attachment", "search_count", [("create_uid.name", "=", "Nobody at all")]), 0)
        for method in ("filtered", "filtered_domain", "mapped", "sorted", "grouped", "_read_group"):
            self.assertRefused("res.partner", method, partner.ids, [("clv", ">", 1)])

    def test_templates(self):
        env = self.env(user=self.seller, context={"allowed_company_ids": self.company.ids})
        for text in ("{{ object.clv }}", "{{ object.value_id.clv }}", "{{ object.commercial_partner_id.margin_12m }}"):
            self.buyer.clv  # noqa: B018  # read before, by who may
            with self.subTest(text), self.assertRaises(Exception) as caught:
                env["mail.render.mixin"]._render_template(text, "res.partner", self.buyer.ids)
            self.assertNotIn(str(self.worth.clv), str(caught.exception))

    # texts

    def secrets(self):
        """Return how the hidden figures of the customer can be written, without those that are no secret anyway."""
        known = {
            abs(self.worth[name])
            for name in ("revenue_total", "revenue_12m", "monetary_value", "expected_spend", "expected_purchases")
        } | {0, 1, 100}
        texts = set()
        for name in self.hidden["crm.value"]:
            number = self.worth[name]
            if isinstance(number, float) and abs(number) not in known and abs(number) > 100:
                texts |= {f"{abs(number):.2f}", f"{abs(number):,.2f}", f"{abs(number):,.0f}"}
        return texts

    def test_no_text_tells_a_figure(self):
        secrets = self.secrets()
        self.assertIn("1234.57", secrets)
        self.give_reasons_to_talk()
        env = self.env(user=self.seller, context={"allowed_company_ids": self.company.ids})
        told = 0
        for model in self.spoken_models():
            records = env[model].search([])
            names = [
                name
                for name, field in env[model].fields_get([], ["type", "readonly"]).items()
                if field["type"] not in ("binary", "one2many", "many2many", "properties")
                and not (model.startswith("sale.order") and name.startswith(("margin", "purchase_price")))
            ]
            for record in records:
                text = json.dumps(record.read(names), default=str)
                told += 1
                for secret in secrets:
                    self.assertNotIn(secret, text, f"{model} {record.id}")
        self.assertGreater(told, 20)

    def spoken_models(self):
        ours = [
            name
            for name, cls in self.env.registry.items()
            if cls._original_module == _MODULE and not cls._abstract and not cls._transient
        ]
        return [
            name
            for name in (*ours, "res.partner", "sale.order", "crm.lead", "mail.message", "mail.activity")
            if self.env[name].with_user(self.seller).has_access("read")
        ]

    def give_reasons_to_talk(self):
        """A tier by margin and CLV, moves by it, follow-ups near it, a lock, a flag for losses, a low margin."""
        self.records["crm.value.tier.lock"].action_end()
        for tier, metric, enter in ((self.low, "margin_12m", 1000), (self.mid, "clv", 1), (self.top, "clv", 99999)):
            tier.criterion_ids = [Command.clear(), Command.create({"metric": metric, "enter_min": enter})]
        self.company.write({"value_caution_loss": 1, "value_margin_guard": True, "value_margin_floor": 0.9})
        self.refresh(self.buyer)
        Rule = self.env["crm.value.followup.rule"]
        for trigger in ("near_next_tier", "tier_gained"):
            Rule.create(
                {
                    "name": trigger,
                    "trigger": trigger,
                    "company_id": self.company.id,
                    "gap_percent": 100.0,
                    "days": 0,
                    "summary": "{customer} {tier} {next_tier} {detail}",
                    "user_id": self.seller.id,
                    "note": "<p>{revenue} {detail}</p>",
                }
            ).action_run()
        self.worth._message_log(body="Said")
        self.sale.value_summary  # noqa: B018  # rendered for who may see it

    def test_more_texts(self):
        """The order's refusal and box, the explanation of the tier, and the preview of a merge."""
        self.give_reasons_to_talk()
        env = self.env(user=self.seller, context={"allowed_company_ids": self.company.ids})
        other = self.customer("Second")
        self.invoice(other, self.today, 50)
        self.refresh(other)
        merge = self.env["base.partner.merge.automatic.wizard"].create(
            {"partner_ids": [Command.set((self.buyer + other).ids)], "dst_partner_id": self.buyer.id}
        )
        order, worth = self.sale.with_env(env), self.worth.with_env(env)
        texts = [
            order.env["crm.value.order.margin"]._describe_margin(order),
            order.value_summary,
            order.value_notice,
            self.buyer.with_env(env).value_tier_explanation,
            worth.tier_explanation,
            worth.caution_reason,
            merge.with_env(env).value_preview,
        ]
        self.assertTrue(all(texts[:2]), texts)
        for text in filter(None, texts):
            for secret in self.secrets():
                self.assertNotIn(secret, str(text))
