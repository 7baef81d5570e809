"""Follow-ups: scheduling 10,000 at once, a mail to every customer, and a night of 40 rules against bare SELECTs.

A bare SELECT asks for the customers that fulfil a rule's trigger, tier and condition, and fetches them. The night asks
the same of the customers that have no follow-up yet, brings what was done by users up to date, and looks for open
follow-ups whose reason is gone. The mails are compared with the creation of as many records of mail.mail with the same
text, a thousand at a time. All of it is rolled back.
"""

from environment import environment
from measure import alternate, seconds
from refresh_bench import is_refreshed, refresh

from odoo.tools import SQL, split_every

PAIRS = 3
DUE = 10_000
#: trigger → (days, whether it asks for a tier); some twice, as a company would have them for two tiers
RULES = [
    ("tier_gained", 0, False),
    ("tier_lost", 0, False),
    ("tier_in_danger", 30, False),
    ("near_next_tier", 0, False),
    ("at_risk", 0, False),
    ("at_risk", 0, True),
    ("lost", 30, False),
    ("lost", 30, True),
    ("purchase_overdue", 14, False),
    ("purchase_overdue", 60, True),
    ("first_purchase", 7, False),
    ("after_purchase", 14, True),
    ("anniversary", 3, False),
    ("birthday", 1, False),
    ("no_contact", 120, True),
    ("opportunity_stalled", 21, False),
    ("service_due", 14, False),
    ("product_replaced", 0, False),
    ("contact_gone", 0, False),
    ("single_contact", 0, True),
    ("stage_reached", 0, False),
    ("stage_reached", 14, True),
    ("figure_changed", 0, False),
    ("date_field", 7, False),
    ("holiday", 2, False),
    ("feedback", 0, False),
    ("salesperson_changed", 0, False),
    ("tier_gained", 0, True),
    ("tier_lost", 0, True),
    ("tier_in_danger", 14, True),
    ("near_next_tier", 0, True),
    ("at_risk", 0, False),
    ("lost", 90, False),
    ("purchase_overdue", 30, False),
    ("first_purchase", 30, False),
    ("after_purchase", 30, False),
    ("anniversary", 7, True),
    ("no_contact", 60, True),
    ("opportunity_stalled", 60, False),
    ("single_contact", 0, False),
]
#: every fourth rule writes to its customers
MESSAGES = 4


def run(table, registry, _database):
    if not is_refreshed(registry):
        refresh(registry)
    with environment(registry) as env:
        _prepare(env)
        company = env.company
        _schedule(table, env, company)
        _write(table, env, company)
        rules = env["crm.value.followup.rule"].create(
            [
                _rule_vals(env, *rule) | (_message_vals(env) if number % MESSAGES == 0 else {})
                for number, rule in enumerate(RULES)
            ]
        )
        due = sum(len(env["crm.value.followup.due"]._find(rule, company)) for rule in rules)
        table.add(f"follow-ups: customers due of {len(RULES)} rules", due, "")
        night, bare, ratio = alternate(PAIRS, lambda: _night(rules, company), lambda: _bare_selects(rules, company))
        table.add(f"follow-ups: a night of {len(RULES)} rules", night, "s")
        table.add(f"follow-ups: {len(RULES)} bare SELECTs of the same conditions", bare, "s")
        table.add("follow-ups: a night / bare SELECTs", ratio, "×", at_most=2)
        env.cr.rollback()


def _prepare(env):
    """Switch off what is there, and make conditions that the generated customers fulfil."""
    env["crm.value.followup.rule"].search([]).active = False
    env.company.value_followup_cap = 0
    env["product.template"].search([], limit=5).value_remind_months = 12
    env.cr.execute("ANALYZE crm_value")


def _rule_vals(env, trigger, days, has_tier):
    tiers = env["crm.value.tier"].search([])
    return {
        "name": trigger,
        "trigger": trigger,
        "days": days,
        "responsible_type": "user",
        "user_id": env.ref("base.user_admin").id,
        "tier_id": tiers[1:2].id if has_tier else False,
        "company_id": env.company.id,
        "summary": "{customer} {days}",
    }


def _schedule(table, env, company):
    """Schedule follow-ups for as many customers as there shall be, a thousand in a batch."""
    rule = env["crm.value.followup.rule"].create(_rule_vals(env, "at_risk", 0, False))
    env.cr.execute(
        "UPDATE crm_value SET lifecycle_stage = 'at_risk' WHERE id IN ("
        "SELECT id FROM crm_value WHERE company_id = %s ORDER BY id LIMIT %s)",
        [company.id, DUE],
    )
    env.invalidate_all()
    noise = {model: env[model].search_count([]) for model in ("mail.mail", "mail.followers")}
    before, scheduled = env.cr.sql_log_count, []
    taken = seconds(lambda: scheduled.append(env["crm.value.followup.run"]._schedule(rule, company, limit=DUE)))
    queries = env.cr.sql_log_count - before
    table.add("follow-ups: scheduled in one run", scheduled[0], "", equal=DUE)
    table.add("follow-ups: seconds for them", taken, "s")
    table.add("follow-ups: queries per 1,000", 1000 * queries / scheduled[0], "", at_most=40)
    for model, count in noise.items():
        table.add(f"follow-ups: {model} records caused", env[model].search_count([]) - count, "", equal=0)


def _message_vals(env):
    return {
        "action_type": "mail",
        "mail_template_id": env.ref("crm_value_addon.mail_template_followup_return").id,
        "message_kind_id": env.ref("crm_value_addon.message_kind_offers").id,
    }


def _write(table, env, company):
    """Put a mail to every customer into the queue, and as many bare mails with the same text."""
    env.cr.execute(
        """UPDATE res_partner partner SET email = 'c' || partner.id || '@example.com',
                  email_normalized = 'c' || partner.id || '@example.com'
             FROM crm_value value WHERE value.partner_id = partner.id AND value.company_id = %s""",
        [company.id],
    )
    env.cr.execute("UPDATE crm_value SET lifecycle_stage = 'won_back' WHERE company_id = %s", [company.id])
    env.invalidate_all()
    company.value_message_quiet = False
    rule = env["crm.value.followup.rule"].create(
        _rule_vals(env, "stage_reached", 0, False) | _message_vals(env) | {"stage": "won_back"}
    )
    before, scheduled = env.cr.sql_log_count, []
    taken = seconds(lambda: scheduled.append(env["crm.value.followup.run"]._schedule(rule, company)))
    queries = env.cr.sql_log_count - before
    first = env["crm.value.followup"].search([("rule_id", "=", rule.id)], limit=1)
    mails = env["mail.mail"].search([("mail_message_id", "in", first.message_id.ids)])
    body = mails.body_html
    bare = seconds(lambda: _bare_mails(env, company, body, scheduled[0]))
    table.add("follow-ups: mails scheduled in one run", scheduled[0], "")
    table.add("follow-ups: seconds for them", taken, "s")
    table.add("follow-ups: seconds for as many bare mails", bare, "s")
    table.add("follow-ups: mails / bare mails", taken / bare, "×", at_most=3)
    table.add("follow-ups: queries per 1,000 mails", 1000 * queries / scheduled[0], "")


def _bare_mails(env, company, body, count):
    partner_ids = env["crm.value"].search([("company_id", "=", company.id)], limit=count).partner_id.ids
    for batch in split_every(1000, partner_ids, list):
        env["mail.mail"].create(
            [
                {
                    "subject": "We have not heard from you for a while",
                    "body_html": body,
                    "email_from": company.email_formatted or "shop@example.com",
                    "recipient_ids": [(4, partner_id)],
                    "model": "res.partner",
                    "res_id": partner_id,
                }
                for partner_id in batch
            ]
        )
        env.flush_all()
        env["mail.mail"].invalidate_model()
        env["mail.message"].invalidate_model()


def _night(rules, company):
    """What the cron does on a night on which nothing has to be written."""
    env = rules.env
    env["crm.value.followup"]._sync_all()
    for rule in rules:
        env["crm.value.followup.run"]._close_resolved(rule, company)
        env["crm.value.followup.due"]._find(rule, company)


def _bare_selects(rules, company):
    today = company._value_today()
    for rule in rules:
        rule.env.execute_query(
            SQL(
                """SELECT due.value_id, due.occasion, due.res_id, due.date, due.number, due.detail
                 FROM (%s) due JOIN crm_value value ON value.id = due.value_id WHERE %s""",
                rule.env["crm.value.followup.trigger"]._select_due(rule, company, today),
                rule.env["crm.value.followup.due"]._where_admitted(rule, company, today),
            )
        )
