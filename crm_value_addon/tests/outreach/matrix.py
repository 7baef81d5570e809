from datetime import date, timedelta

from ...models.followups.triggers import TRIGGERS
from .common import TODAY, OutreachCase


class FollowupMatrixCase(OutreachCase):
    """Every reason with every action: each reaches the customer once, and leaves the trace that it should.

    How to use: `make_<action>` returns what a rule with that action needs, `left_<action>` checks its trace; an addon
    with another action adds these two and calls `check_every_reason`.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.buyer = cls.customer(
            "Buyer", email="buyer@example.com", is_company=True, country_id=cls.env.ref("base.us").id
        )
        for days in (400, 140, 110, 80):
            cls.invoice(cls.buyer, TODAY - timedelta(days=days), 300, product=cls.product)
        cls.refresh()

    # a situation for each reason: what makes it apply to the buyer, and what the rule says beside

    def columns(self, **values):
        """Set what a refresh would conclude about the buyer."""
        for name, value in values.items():
            # the names are those of the test
            self.env.cr.execute(
                f"UPDATE crm_value SET {name} = %s WHERE id = %s",  # noqa: S608
                [value, self.value(self.buyer).id],
            )
        self.env.invalidate_all()

    def moved(self, before, after):
        self.columns(tier_id=after.id)
        self.env["crm.value.tier.change"].sudo().create(
            {
                "value_id": self.value(self.buyer).id,
                "from_tier_id": before.id,
                "to_tier_id": after.id,
                "date": TODAY,
                "source": "refresh",
                "reason": "Test",
            }
        )

    def situation_tier_gained(self):
        self.moved(self.low, self.mid)

    def situation_tier_lost(self):
        self.moved(self.mid, self.low)

    def situation_tier_in_danger(self):
        self.columns(tier_review_date=TODAY + timedelta(days=5))
        return {"days": 30}

    def situation_near_next_tier(self):
        self.columns(next_tier_id=self.mid.id, revenue_12m=950)

    def situation_at_risk(self):
        self.columns(lifecycle_stage="at_risk")

    def situation_lost(self):
        self.columns(lifecycle_stage="lost", lifecycle_since=TODAY)
        return {"days": 30}

    def situation_purchase_overdue(self):
        self.columns(lifecycle_stage="active", next_purchase_date=TODAY - timedelta(days=20))

    def situation_first_purchase(self):
        self.columns(first_purchase_date=TODAY - timedelta(days=7))
        return {"days": 7}

    def situation_after_purchase(self):
        return {"days": 80}

    def situation_anniversary(self):
        self.columns(first_purchase_date=date(2023, 7, 2))
        return {"days": 2}

    def situation_birthday(self):
        self.buyer.birthdate_date = date(1980, 6, 30)

    def situation_no_contact(self):
        return {"days": 60}

    def situation_low_rating(self):
        if "rating.rating" not in self.env:
            self.skipTest("without the module rating")
        self.env["rating.rating"].create(
            {
                "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                "res_id": self.buyer.id,
                "partner_id": self.buyer.id,
                "rating": 1,
                "consumed": True,
                "rated_on": TODAY,
            }
        )

    def situation_opportunity_stalled(self):
        lead = self.env["crm.lead"].create(
            {"name": "Big", "type": "opportunity", "partner_id": self.buyer.id, "company_id": self.company.id}
        )
        lead.date_last_stage_update = TODAY - timedelta(days=60)
        return {"days": 21}

    def situation_service_due(self):
        self.product.product_tmpl_id.value_remind_months = 2
        return {"days": 30}

    def situation_product_replaced(self):
        template = self.product.product_tmpl_id
        template.value_successor_id = template.copy({"name": "Better"})
        template.active = False

    def bought_category(self, state, revenue=100.0):
        """Store what a refresh would know of a category that the buyer bought."""
        self.env["crm.value.product"].sudo().create(
            {
                "value_id": self.value(self.buyer).id,
                "partner_id": self.buyer.id,
                "company_id": self.company.id,
                "category_id": self.product_category.create({"name": "Tea"}).id,
                "state": state,
                "purchase_count": 4,
                "first_date": TODAY - timedelta(days=400),
                "last_date": TODAY - timedelta(days=80),
                "expected_date": TODAY - timedelta(days=20),
                "revenue_12m": revenue,
                "revenue_previous_12m": 100.0,
            }
        )

    def situation_product_due(self):
        self.bought_category("due")

    def situation_product_lost(self):
        self.bought_category("lost")

    def situation_category_falls(self):
        self.bought_category("regular", 10.0)
        return {"gap_percent": 30}

    def situation_contact_gone(self):
        person = self.customer("Ann", parent_id=self.buyer.id, type="contact")
        self.invoice(person, TODAY - timedelta(days=10))
        person.active = False

    def situation_single_contact(self):
        return {}

    def situation_stage_reached(self):
        self.columns(lifecycle_stage="loyal", lifecycle_since=TODAY)
        return {"stage": "loyal", "days": 7}

    def situation_figure_changed(self):
        self.columns(revenue_12m=100)
        return {"figure": "revenue_12m", "change_direction": "falls", "change_percent": 50}

    def situation_date_field(self):
        self.env["crm.lead"].create(
            {
                "name": "Contract",
                "type": "opportunity",
                "partner_id": self.buyer.id,
                "company_id": self.company.id,
                "date_deadline": TODAY + timedelta(days=7),
            }
        )
        return {"days": 7, "date_field": "crm.lead.date_deadline"}

    def situation_holiday(self):
        self.env["crm.value.holiday"].create(
            {"name": "Founding Day", "date": TODAY, "country_id": self.env.ref("base.us").id}
        )

    def situation_record_incomplete(self):
        self.columns(completeness=50)
        return {"gap_percent": 30}

    def situation_decider_unknown(self):
        return {}

    def complaint(self, **vals):
        return self.env["crm.value.feedback"].create(
            {
                "partner_id": self.buyer.id,
                "company_id": self.company.id,
                "kind_id": self.env.ref("crm_value_addon.feedback_kind_complaint").id,
                "description": "Broken on arrival",
                **vals,
            }
        )

    def situation_complaint_late(self):
        self.complaint(date=TODAY - timedelta(days=10))
        return {"days": 1}

    def situation_complaint_solved(self):
        self.complaint().state = "done"

    def situation_feedback(self):
        self.env["crm.value.feedback"].create(
            {
                "partner_id": self.buyer.id,
                "company_id": self.company.id,
                "kind_id": self.env["crm.value.feedback.kind"].search([("source", "=", "manual")], limit=1).id,
                "description": "Too late again",
            }
        )

    def situation_salesperson_changed(self):
        # Odoo logs the change at the end of a transaction, and not at all for records of the same one
        self.buyer.user_id = self.manager
        self.env["mail.message"].create(
            {
                "model": "res.partner",
                "res_id": self.buyer.id,
                "message_type": "notification",
                "tracking_value_ids": [
                    (
                        0,
                        0,
                        {
                            "field_id": self.env["ir.model.fields"]._get("res.partner", "user_id").id,
                            "old_value_integer": self.seller.id,
                            "old_value_char": "seller",
                            "new_value_integer": self.manager.id,
                            "new_value_char": "boss",
                        },
                    )
                ],
            }
        )

    # what each action leaves behind

    def make_activity(self):
        return {}

    def make_plan(self):
        return {
            "plan_id": self.env["mail.activity.plan"]
            .create(
                {
                    "name": "Two steps",
                    "res_model": "res.partner",
                    "template_ids": [
                        (0, 0, {"activity_type_id": self.env.ref("mail.mail_activity_data_call").id, "summary": step})
                        for step in ("First", "Second")
                    ],
                }
            )
            .id
        }

    def make_mail(self):
        return {"mail_template_id": self.template.id}

    def make_gift(self):
        return {"gift_id": self.gift().id}

    def make_server(self):
        return {"server_action_id": self.server_action("records.write({'ref': 'done'})").id}

    def make_preferred(self):
        self.buyer.preferred_channel = "mail"
        return {"mail_template_id": self.template.id}

    def left_activity(self, followup):
        self.assertEqual((followup.state, len(followup.activity_ids)), ("open", 1))

    def left_plan(self, followup):
        self.assertEqual((followup.state, len(followup.activity_ids)), ("open", 2))

    def left_mail(self, followup):
        self.assertEqual(followup.state, "done")
        self.assertFalse(followup.activity_ids)
        mail = self.mails()
        self.assertEqual((mail.subject, mail.state), ("Hello Buyer", "outgoing"))
        self.assertEqual(mail.recipient_ids, self.buyer)

    left_preferred = left_mail

    def left_gift(self, followup):
        gift = self.env["crm.value.grant"].search([("value_id", "=", followup.value_id.id)])
        self.assertEqual((followup.state, len(gift), bool(gift.card_id)), ("done", 1, True))

    def left_server(self, followup):
        self.assertEqual((followup.state, self.buyer.ref), ("done", "done"))

    def check_every_reason(self, *actions, only=None):
        """Let each reason, or only some, meet each of these actions, two nights long."""
        triggers = [code for code in self.env["crm.value.followup.trigger"]._triggers() if code != "manual"]
        situations = {code for code in triggers if hasattr(self, f"situation_{code}")}
        self.assertGreaterEqual(situations, {code for code in TRIGGERS if code != "manual"})
        for trigger in filter((only or situations).__contains__, triggers):
            for action in actions:
                with self.subTest(trigger=trigger, action=action), self.env.cr.savepoint() as undo:
                    more = getattr(self, f"situation_{trigger}")() or {}
                    more |= getattr(self, f"make_{action}")()
                    rule = self.rule(trigger, action_type=action, **more)
                    for _night in range(2):
                        self.run_rules()
                    self.assertFalse(rule.stop_reason or rule.failures)
                    followup = self.followups(rule)
                    self.assertEqual(followup.partner_id, self.buyer)
                    self.assertEqual(followup.channel, "mail" if action == "preferred" else action)
                    getattr(self, f"left_{action}")(followup)
                    undo.rollback()
                self.env.invalidate_all()
