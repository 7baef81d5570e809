from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from lxml import html

from odoo import Command
from odoo.tests import tagged

from ..common import TODAY, ValueCase
from .test_crm_value_tier_cause import CauseCase

MAY = date(2025, 5, 31)


class MergeCase(CauseCase):
    def merge(self, *contacts, into):
        self.env["base.partner.merge.automatic.wizard"].create({})._merge([one.id for one in contacts], into)
        self.env.flush_all()
        self.env.invalidate_all()

    def bought(self, amount, name="Customer", day="2025-06-30", **vals):
        customer = self.customer(name, **vals)
        self.last_invoice = self.invoice(customer, day, amount)
        self.refresh(customer)
        return customer

    def lock(self, customer, tier):
        return self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": tier.id, "reason": "Board"}
        )

    def caution(self, customer, **vals):
        return self.env["crm.value.caution.override"].create(
            {"value_id": self.value(customer).id, "caution": True, "reason": "Trial", **vals}
        )

    def values_of(self, *customers):
        return self.Value.search([("partner_id", "in", [customer.id for customer in customers])])


@freeze_time(TODAY)
class TestMergedRows(MergeCase):
    def setUp(self):
        super().setUp()
        self.first, self.second = self.bought(700, "First"), self.bought(600, "Second")

    def join(self):
        self.merge(self.first, self.second, into=self.second)
        value = self.value(self.second)
        self.assertEqual((value.revenue_12m, value.tier_id), (1300, self.mid))
        self.assertEqual(self.tier_changes(self.second)[-1], ("Low", "Mid", "merge"))
        self.assertFalse(self.first.exists())
        return value

    def test_a_merge_brings_nothing(self):
        self.join()
        self.assertEqual(self.brought(self.second), (0, 0, 0))

    def test_two_cautions(self):
        mine, theirs = self.caution(self.second), self.caution(self.first)
        value = self.join()
        self.assertEqual(value.caution_override_ids, mine)
        self.assertTrue(value.caution)
        self.assertEqual((theirs.active, theirs.value_id), (False, value), "the other word is history")

    def test_a_caution_that_is_over_gives_way(self):
        self.caution(self.second, until=TODAY)
        theirs = self.caution(self.first)
        with freeze_time(TODAY + timedelta(days=1)):
            self.assertEqual(self.join().caution_override_id, theirs)

    def test_a_lock_that_is_over_gives_way(self):
        over = self.lock(self.second, self.low)
        over.until = TODAY
        lock = self.lock(self.first, self.top)
        with freeze_time(TODAY + timedelta(days=1)):
            self.merge(self.first, self.second, into=self.second)
        value = self.value(self.second)
        self.assertEqual((value.tier_lock_ids, value.tier_id), (lock, self.top))

    def test_month_ends_are_added_up(self):
        Snapshot = self.env["crm.value.snapshot"]
        for customer, revenue, alive in ((self.first, 700, 0.5), (self.second, 600, 0.8)):
            for day in (date(2025, 4, 30), MAY):
                Snapshot.create(
                    {
                        "value_id": self.value(customer).id,
                        "company_id": self.company.id,
                        "as_of_date": day,
                        "revenue_12m": revenue,
                        "clv": 10 * revenue,
                        "probability_alive": alive,
                        "expected_purchases": revenue / 100,
                        "expected_spend": revenue,
                        "tier_id": (self.low if customer == self.first else self.mid).id,
                        "lifecycle_stage": "new",
                    }
                )
        Snapshot.create(
            {
                "value_id": self.value(self.first).id,
                "company_id": self.company.id,
                "as_of_date": date(2025, 3, 31),
                "revenue_12m": 50,
            }
        )
        value = self.join()
        self.assertRecordValues(
            value.snapshot_ids,
            [
                {
                    "as_of_date": day,
                    "revenue_12m": 1300,
                    "clv": 13000,
                    "expected_purchases": 13,
                    "tier_id": self.mid.id,
                    "lifecycle_stage": "new",
                }
                for day in (MAY, date(2025, 4, 30))
            ]
            + [
                {
                    "as_of_date": date(2025, 3, 31),
                    "revenue_12m": 50,
                    "clv": 0,
                    "expected_purchases": 0,
                    "tier_id": False,
                    "lifecycle_stage": False,
                }
            ],
        )
        self.assertAlmostEqual(value.snapshot_ids[0].probability_alive, 0.9)
        self.assertAlmostEqual(value.snapshot_ids[0].expected_spend, (700 * 7 + 600 * 6) / 13)

    def test_three_customers(self):
        third = self.bought(20, "Third")
        for number, customer in enumerate((self.first, self.second, third), 1):
            self.caution(customer)
            self.env["crm.value.snapshot"].create(
                {
                    "value_id": self.value(customer).id,
                    "company_id": self.company.id,
                    "as_of_date": MAY,
                    "revenue_12m": number,
                }
            )
        self.merge(self.first, self.second, third, into=third)
        value = self.value(third)
        self.assertEqual((value.revenue_12m, value.snapshot_ids.revenue_12m), (1320, 6))
        self.assertEqual(len(value.caution_override_ids), 1)

    def followup(self, customer, occasion="once", state="done", **vals):
        return self.env["crm.value.followup"].create(
            {
                "rule_id": self.rule.id,
                "value_id": self.value(customer).id,
                "company_id": self.company.id,
                "occasion": occasion,
                "date": TODAY,
                "group": "treated",
                "state": state,
                **vals,
            }
        )

    def test_measured_follow_ups_and_mails_that_collide(self):
        for customer, revenue in ((self.first, 70), (self.second, 60)):
            self.followup(customer, is_measured=True, outcome_revenue=revenue)
            self.env["crm.value.mail"].create(
                [
                    {"value_id": self.value(customer).id, "kind": "reached", "occasion": occasion}
                    for occasion in ("both", customer.name)
                ]
            )
        self.followup(self.first, "other", is_measured=True, outcome_revenue=5)
        value = self.join()
        self.assertEqual(
            sorted(self.env["crm.value.followup"].search([("value_id", "=", value.id)]).mapped("outcome_revenue")),
            [5, 60, 70],
        )
        mails = self.env["crm.value.mail"].search([("value_id", "=", value.id)])
        self.assertEqual(sorted(mails.mapped("occasion")), ["First", "Second", "both"])

    def test_second_open_activity(self):
        activities = {}
        for customer in (self.first, self.second):
            followup = self.followup(customer, f"of {customer.name}", "open")
            activities[customer] = customer.activity_schedule(
                "mail.mail_activity_data_call", summary="Call", value_followup_id=followup.id
            )
        self.join()
        self.assertFalse(activities[self.first].exists().active, "Odoo deletes what was archived with the contact")
        self.assertTrue(activities[self.second].active)
        followups = self.env["crm.value.followup"].search([("value_id", "=", self.value(self.second).id)], order="id")
        self.assertEqual(followups.mapped("state"), ["closed", "open"])
        self.assertEqual(followups.mapped("close_reason"), ["merged with Second", False])

    def test_gifts_stay_given(self):
        rich = self.bought(5000, "Rich")
        richer = self.bought(6000, "Richer")
        cards = self.env["crm.value.grant"].search([("partner_id", "in", (rich | richer).ids)]).card_id
        self.assertEqual(len(cards), 2)
        self.merge(rich, richer, into=richer)
        gifts = self.env["crm.value.grant"].search([("value_id", "=", self.value(richer).id)])
        self.assertEqual((gifts.card_id, set(gifts.mapped("state"))), (cards, {"given"}))
        with freeze_time("2025-08-31"):
            for invoice in self.env["account.move"].search([("partner_id", "=", richer.id)]):
                self.credit_note(invoice, "2025-08-31")
            self.refresh(richer)
        with freeze_time("2025-09-30"):
            self.invoice(richer, "2025-09-30", 9000)
            self.refresh(richer)
            self.assertEqual(self.tier_changes(richer)[-1], (False, "Top", "refresh"))
            self.run_cron("gifts")
        self.assertEqual(len(gifts.search([("value_id", "=", self.value(richer).id)])), 2)

    def test_gift_of_the_merged_customer_is_remembered(self):
        rich = self.bought(1000, "Rich")
        self.merge(rich, self.first, into=self.first)
        with freeze_time("2025-08-31"):
            self.lock(self.first, self.low)
            self.refresh(self.first)
        with freeze_time("2025-09-30"):
            self.value(self.first).tier_lock_ids.action_end()
        self.assertEqual(self.value(self.first).tier_id, self.mid)
        self.assertEqual(self.brought(self.first)[0], 1)

    def test_what_waits_in_the_queue(self):
        self.last_invoice.button_draft()
        self.last_invoice.invoice_line_ids.price_unit = 500
        self.last_invoice.action_post()
        self.merge(self.first, self.second, into=self.first)
        self.assertEqual(self.value(self.first).revenue_12m, 1200)
        self.assertEqual(self.value(self.first).margin_12m, 480)

    def test_while_a_refresh_is_under_way(self):
        Scheduler = type(self.env["crm.value.scheduler"])
        with patch.object(Scheduler, "_is_writer", lambda *args, **kwargs: False):
            self.merge(self.first, self.second, into=self.second)
        self.assertEqual(self.value(self.second).tier_id, self.low)
        self.env["crm.value.refresh"].with_company(self.company)._refresh_queue(lambda work: work())
        self.assertEqual(self.tier_changes(self.second)[-1], ("Low", "Mid", "merge"))
        self.assertEqual(self.brought(self.second), (0, 0, 0))

    def test_between_what_a_refresh_reads_and_writes(self):
        """The refresh of all customers decides by figures from before the merge: the cause waits for those after it."""
        Refresh = self.env["crm.value.refresh"].with_company(self.company)
        run = self.env["crm.value.run"]._start(self.company, "full", TODAY)
        queue, columns, skipped = Refresh._read_company(run, 0)
        with patch.object(type(self.env["crm.value.scheduler"]), "_is_writer", lambda *args, **kwargs: False):
            self.merge(self.first, self.second, into=self.second)
        Refresh._store_company(run, columns, queue, skipped, lambda work: work())
        self.assertEqual(self.value(self.second).tier_id, self.low)
        Refresh._refresh_queue(lambda work: work())
        self.assertEqual(self.tier_changes(self.second)[-1], ("Low", "Mid", "merge"))
        self.assertEqual(self.brought(self.second), (0, 0, 0))
        self.invoice(self.second, "2025-06-30", 5000)
        self.refresh(self.second)
        self.assertEqual(self.tier_changes(self.second)[-1], ("Mid", "Top", "refresh"), "the cause is used up")

    def test_somebody_who_opted_out(self):
        self.first.value_opt_out = True
        self.merge(self.first, self.second, into=self.second)
        self.assertTrue(self.second.value_opt_out, "the wish holds for both")
        value = self.value(self.second)
        self.assertEqual((value.revenue_12m, value.tier_id), (1300, self.env["crm.value.tier"]))

    def test_companies_one_by_one(self):
        other = self.setup_other_company(name="Other")["company"]
        self.Value.create({"partner_id": self.first.id, "company_id": other.id})
        value = self.join()
        both = self.Value.search([("partner_id", "=", self.second.id)])
        self.assertEqual(both.company_id, self.company + other)
        self.assertEqual(both - value, self.Value.search([("company_id", "=", other.id)]))


@freeze_time(TODAY)
class TestMergedReferrals(MergeCase):
    def setUp(self):
        super().setUp()
        self.company.value_referral_program_id = self.program("coupons")
        self.company.value_referral_since = "2025-06-01"
        self.referrer = self.bought(100, "Referrer")

    def rewards(self):
        return self.env["crm.value.grant"].search([("benefit_id", "=", False)], order="id")

    def test_two_referred_and_rewarded_ones(self):
        first, second = (self.bought(100, name, referred_by_id=self.referrer.id) for name in ("First", "Second"))
        self.assertEqual(len(self.rewards()), 2)
        self.merge(first, second, into=second)
        self.assertEqual(self.rewards().mapped("state"), ["given", "given"])
        self.assertEqual(self.rewards().referred_value_id, self.value(second))
        self.refresh(second)
        self.assertEqual(len(self.rewards()), 2)

    def test_referrer_and_its_referred(self):
        for into in ("Referrer", "Friend"):
            referrer = self.bought(100, "Referrer")
            friend = self.bought(100, "Friend", referred_by_id=referrer.id)
            before = self.rewards()
            target = referrer if into == "Referrer" else friend
            self.merge(referrer, friend, into=target)
            self.assertFalse(target.referred_by_id)
            self.assertEqual(self.value(target).revenue_12m, 200)
            self.assertEqual(self.rewards(), before)
            self.assertEqual(set(before.mapped("state")), {"given"})

    def test_the_ends_of_a_chain(self):
        middle = self.bought(100, "Middle", referred_by_id=self.referrer.id)
        end = self.bought(100, "End", referred_by_id=middle.id)
        self.merge(self.referrer, end, into=end)
        self.assertEqual((middle.referred_by_id, end.referred_by_id), (end, self.env["res.partner"]))
        self.assertEqual(self.value(end).revenue_12m, 200)

    def test_a_long_chain_into_its_beginning(self):
        chain = [self.referrer]
        for number in range(3):
            chain.append(self.bought(100, f"Link {number}", referred_by_id=chain[-1].id))
        self.merge(chain[0], chain[3], into=chain[0])
        self.assertEqual(chain[1].referred_by_id, chain[0])
        self.assertFalse(chain[0].referred_by_id)

    def test_a_referral_that_closes_no_circle_stays(self):
        friend = self.bought(100, "Friend", referred_by_id=self.referrer.id)
        double = self.bought(100, "Double")
        self.merge(friend, double, into=double)
        self.assertEqual(double.referred_by_id, self.referrer)

    def test_a_referred_person_who_joins_its_referrer(self):
        firm = self.bought(100, "Firm", is_company=True)
        person = self.bought(100, "Person", referred_by_id=firm.id)
        rewards = self.rewards()
        person.parent_id = firm
        self.assertFalse(person.referred_by_id)
        self.refresh(firm)
        self.assertEqual((self.rewards(), rewards.state), (rewards, "given"))


@freeze_time(TODAY)
class TestContactOfACompany(MergeCase):
    def setUp(self):
        super().setUp()
        self.firm = self.bought(600, "Firm", is_company=True)

    def test_a_person_with_purchases_joins_a_company(self):
        with freeze_time("2025-06-20"):
            person = self.bought(1000, "Person", "2025-06-20")
            self.assertEqual(self.brought(person), (1, 1, 1))
            lock = self.lock(person, self.mid)
            told = self.brought(self.firm)[1]
        person.parent_id = self.firm
        value = self.value(self.firm)
        self.assertEqual(person.commercial_partner_id, self.firm)
        self.assertFalse(self.values_of(person))
        self.assertRecordValues(value, [{"revenue_12m": 1600, "tier_id": self.mid.id, "tier_since": date(2025, 6, 20)}])
        self.assertEqual(value.tier_lock_ids, lock)
        self.assertEqual(self.tier_changes(self.firm)[-1], ("Low", "Mid", "merge"))
        self.refresh()
        self.assertFalse(self.values_of(person))
        self.assertEqual(self.brought(self.firm), (1, 1 + told, 1), "what both had; nothing more, no farewell")

    def test_a_person_joins_a_company_that_never_bought(self):
        new = self.customer("New", is_company=True)
        person = self.bought(1000, "Person")
        person.write({"parent_id": new.id})
        self.assertRecordValues(self.value(new), [{"partner_id": new.id, "revenue_12m": 1000, "tier_id": self.mid.id}])
        self.assertEqual(self.brought(new), (1, 1, 1))
        self.assertEqual(self.tier_changes(new), [(False, "Mid", "refresh")])

    def test_from_company_to_company_and_away(self):
        person, other = self.bought(1000, "Person"), self.bought(50, "Other", is_company=True)
        person.parent_id = self.firm
        person.parent_id = other
        self.assertEqual(self.value(self.firm).revenue_12m, 1600, "Odoo leaves the documents with the company")
        person.parent_id = False
        self.refresh()
        self.assertEqual((self.value(self.firm).revenue_12m, self.value(other).revenue_12m), (1600, 50))
        self.assertFalse(self.values_of(person))

    def test_a_person_with_contacts_of_its_own(self):
        person = self.bought(1000, "Person")
        self.invoice(self.customer("Address", parent_id=person.id, type="invoice"), "2025-06-30", 10)
        self.refresh(person)
        self.assertEqual(self.value(person).revenue_12m, 1010)
        person.parent_id = self.firm
        self.assertEqual(self.value(self.firm).tier_id, self.mid)
        self.assertEqual(len(self.values_of(self.firm)), 1)

    def test_a_company_that_becomes_a_person_of_another(self):
        shop = self.bought(1000, "Shop", is_company=True)
        shop.parent_id = self.firm
        self.assertTrue(self.values_of(shop), "a company below a company is a customer of its own")
        shop.is_company = False
        documents = self.env["account.move"].search([("partner_id", "=", shop.id)])
        self.refresh()
        self.assertEqual(
            bool(self.values_of(shop)), documents.commercial_partner_id == shop, "the value is where the documents are"
        )

    def web_signup(self, amount=700, **vals):
        contact = self.customer("Contact", parent_id=self.firm.id)
        return contact, self.bought(amount, "Signup", **vals)

    def preview(self, contacts, into):
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {"partner_ids": [Command.set(contacts.ids)], "dst_partner_id": into.id, "state": "selection"}
        )
        rows = html.fromstring(wizard.value_preview).xpath("//tbody/tr")
        return {row[0].text_content(): row[-1].text_content() for row in rows}

    def test_web_signup_into_a_contact(self):
        contact, signup = self.web_signup()
        shown = self.preview(contact | signup, contact)
        self.assertEqual(shown["Tier"], "Mid")
        self.assertIn("1,300.00", shown["Revenue 12 Months"])
        self.merge(contact, signup, into=contact)
        value = self.value(self.firm)
        self.assertEqual((value.revenue_12m, value.tier_id), (1300, self.mid))
        self.assertFalse(self.values_of(contact))
        self.assertEqual(self.brought(self.firm), (0, 0, 0))
        moves = self.env["account.move"].search([("partner_id", "=", contact.id)])
        self.assertEqual(moves.commercial_partner_id, self.firm)
        self.assertEqual(moves.line_ids.partner_id, self.firm)
        self.refresh()
        self.assertFalse(self.values_of(contact))

    def test_contact_into_a_web_signup(self):
        contact, signup = self.web_signup()
        shown = self.preview(contact | signup, signup)
        self.assertEqual(shown["Tier"], "Mid")
        self.merge(contact, signup, into=signup)
        self.assertEqual(signup.commercial_partner_id, self.firm)
        value = self.value(self.firm)
        self.assertEqual((value.revenue_12m, value.tier_id), (1300, self.mid))
        self.assertFalse(self.values_of(signup))
        self.assertEqual(self.brought(self.firm), (0, 0, 0))

    def test_web_signup_that_is_a_company(self):
        contact, signup = self.web_signup(is_company=True)
        self.merge(contact, signup, into=contact)
        self.assertEqual(contact.commercial_partner_id, contact)
        self.assertEqual((self.value(contact).revenue_12m, self.value(self.firm).revenue_12m), (700, 600))

    def test_two_contacts_of_a_company(self):
        one, two = (self.customer(name, parent_id=self.firm.id) for name in ("One", "Two"))
        self.invoice(one, "2025-06-30", 500)
        self.refresh(self.firm)
        since = self.value(self.firm).tier_since
        self.merge(one, two, into=two)
        self.assertRecordValues(
            self.value(self.firm), [{"revenue_12m": 1100, "tier_id": self.mid.id, "tier_since": since}]
        )


@tagged("post_install", "-at_install")
class TestUniqueTables(ValueCase):
    def test_every_unique_reference_to_a_customer_is_settled(self):
        """A new table with a unique constraint or index over a reference to a value needs its line in `_settlers`."""
        self.env.cr.execute(
            """
            SELECT DISTINCT source.relname
              FROM pg_constraint reference
              JOIN pg_class source ON source.oid = reference.conrelid
              JOIN pg_class target ON target.oid = reference.confrelid
              JOIN pg_index uniqueness ON uniqueness.indrelid = source.oid AND uniqueness.indisunique
             WHERE reference.contype = 'f' AND target.relname IN ('crm_value', 'res_partner')
               AND source.relnamespace = current_schema::regnamespace
               AND source.relname LIKE 'crm\\_value%%' AND source.relname NOT LIKE '%%\\_rel'
               AND reference.conkey[1] = ANY(uniqueness.indkey)
            """
        )
        found = {name for [name] in self.env.cr.fetchall()}
        settled = set(self.env["crm.value.merge.rows"]._settlers())
        self.assertEqual(found, settled | {"crm_value"}, "crm_value itself is what is merged")
