import numpy as np
from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import sum_per_customer
from ...lib.postgres.binary_copy import copy_out
from ...report import readable


class CrmValueKnowledge(models.AbstractModel):
    """Knowledge value: the feedback of the last 12 months, by what one item of its kind is worth, carried forward."""

    _name = "crm.value.knowledge"
    _description = "Customer Value: Knowledge"

    @api.model
    def _find(self, basis, columns):
        """Return the knowledge value and the satisfaction of all customers (see `crm.value.component._find`)."""
        company, customers = basis.company, columns["partner_id"]
        figures = {}
        if self._feedback_kinds(company):
            found = copy_out(
                self.env.cr,
                SQL(
                    "SELECT partner_id::int4, %s FROM (%s) item WHERE partner_id IS NOT NULL AND %s",
                    readable.amount(SQL("amount")),
                    self._select_feedback(company, basis.as_of),
                    basis.where(SQL("partner_id")),
                ),
                [("partner", "int4"), ("amount", "float8")],
            )
            yearly = sum_per_customer(customers, found["partner"], found["amount"])
            if company.value_knowledge_cap:
                yearly = np.minimum(yearly, company.value_knowledge_cap)
            figures["knowledge_value"] = self.env["crm.value.component"]._carry_forward(basis, columns, yearly)
        answers = self._satisfaction_sources(company, basis.as_of)
        if answers:
            found = copy_out(
                self.env.cr,
                SQL(
                    "SELECT partner_id::int4, avg(%s) AS rating, count(*)::float8 FROM (%s) item"
                    " WHERE partner_id IS NOT NULL AND %s GROUP BY partner_id",
                    readable.amount(SQL("rating")),
                    SQL(" UNION ALL ").join(answers),
                    basis.where(SQL("partner_id")),
                ),
                [("partner", "int4"), ("rating", "float8"), ("answers", "float8")],
            )
            figures["satisfaction"] = sum_per_customer(customers, found["partner"], found["rating"])
            figures["satisfaction_count"] = sum_per_customer(customers, found["partner"], found["answers"])
        return figures

    @api.model
    def _satisfaction_sources(self, company, as_of):
        """Hook: the SELECTs of (partner_id, rating from 1 to 5) of the last 12 months; none where nobody asks."""
        sources = []
        if "rating.rating" in self.env:
            sources.append(self._select_ratings(company, as_of))
        if "survey.user_input" in self.env:
            sources.append(self._select_scores(as_of))
        return sources

    @api.model
    def _select_scores(self, as_of):
        """Return the SELECT of the scores of surveys: 0 % is a rating of 1, 100 % one of 5. Surveys have no company."""
        self.env["survey.user_input"].flush_model()
        return SQL(
            """SELECT partner.commercial_partner_id AS partner_id,
                      1 + LEAST(GREATEST(answer.scoring_percentage, 0), 100) / 25 AS rating
                 FROM survey_user_input answer JOIN survey_survey survey ON survey.id = answer.survey_id
                 JOIN res_partner partner ON partner.id = answer.partner_id
                WHERE answer.state = 'done' AND answer.test_entry IS NOT TRUE AND survey.scoring_type != 'no_scoring'
                  AND survey.certification IS NOT TRUE
                  AND answer.end_datetime::date > %s AND answer.end_datetime::date <= %s""",
            as_of - relativedelta(years=1),
            as_of,
        )

    @api.model
    def _feedback_kinds(self, company):
        """Return the kinds of feedback that are worth something to a company."""
        return (
            self.env["crm.value.feedback.kind"]
            .sudo()
            .search(
                [  # sudo: the refresh counts for everybody
                    ("amount", ">", 0),
                    ("company_id", "in", [False, company.id]),
                ]
            )
        )

    @api.model
    def _select_feedback(self, company, as_of):
        """Return the SELECT of the items of the last 12 months: partner_id, kind_id, amount."""
        sources = [
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id, feedback.kind_id
                 FROM crm_value_feedback feedback JOIN res_partner partner ON partner.id = feedback.partner_id
                WHERE feedback.company_id = %s AND feedback.date > %s AND feedback.date <= %s""",
                company.id,
                as_of - relativedelta(years=1),
                as_of,
            )
        ]
        for kind in self._feedback_kinds(company):
            query = self._select_items(company, as_of, kind.source)
            if query:
                sources.append(SQL("SELECT partner_id, %s AS kind_id FROM (%s) counted", kind.id, query))
        return SQL(
            """SELECT item.partner_id, item.kind_id, kind.amount
                 FROM (%s) item JOIN crm_value_feedback_kind kind ON kind.id = item.kind_id
                WHERE kind.active AND kind.amount > 0 AND COALESCE(kind.company_id, %s) = %s""",
            SQL(" UNION ALL ").join(sources),
            company.id,
            company.id,
        )

    @api.model
    def _select_items(self, company, as_of, source):
        """Return the SELECT of partner_id of the items that another app holds; None where it is not installed."""
        if source == "rating" and "rating.rating" in self.env:
            return self._select_ratings(company, as_of)
        if source == "survey" and "survey.user_input" in self.env:
            return SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM survey_user_input answer
                     JOIN res_partner partner ON partner.id = answer.partner_id
                    WHERE answer.state = 'done' AND answer.test_entry IS NOT TRUE
                      AND answer.end_datetime::date > %s AND answer.end_datetime::date <= %s""",
                as_of - relativedelta(years=1),
                as_of,
            )
        return None

    @api.model
    def _select_ratings(self, company, as_of, *columns):
        """Return the SELECT of the ratings of the last 12 months: partner_id, rating.

        :param SQL columns: more columns, on the alias ``rating``

        A rating belongs to the company of the record that was rated; one of a record without a company to all.
        """
        self.env["rating.rating"].flush_model()
        models_rated = [
            name
            for [name] in self.env.execute_query(
                SQL("SELECT DISTINCT res_model FROM rating_rating WHERE consumed AND res_model IS NOT NULL")
            )
        ]
        elsewhere = [
            SQL(
                "rating.res_model = %s AND EXISTS (SELECT FROM %s record WHERE record.id = rating.res_id"
                " AND record.company_id != %s)",
                name,
                SQL.identifier(self.env[name]._table),
                company.id,
            )
            for name in models_rated
            if name in self.env
            and self.env[name]._auto
            and (field := self.env[name]._fields.get("company_id"))
            and field.store
            and field.column_type
        ]
        return SQL(
            """SELECT partner.commercial_partner_id AS partner_id, rating.rating%s
                 FROM rating_rating rating JOIN res_partner partner ON partner.id = rating.partner_id
                WHERE rating.consumed AND rating.rating >= 1 AND rating.write_date::date > %s
                  AND rating.write_date::date <= %s AND NOT (%s)""",
            SQL().join(SQL(", %s", column) for column in columns),
            as_of - relativedelta(years=1),
            as_of,
            SQL(" OR ").join([SQL("FALSE"), *elsewhere]),
        )
