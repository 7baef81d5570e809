from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL, html2plaintext

from ...const import MANAGER_GROUP
from ..benefits.crm_value_gift import ERASED

_MODULE = "crm_value_addon"
#: fields of Odoo's own records that the addon wrote; other models export the fields that the addon added to them
_MADE = {"mail.message": ("date", "body"), "mail.activity": ("date_deadline", "summary", "note")}
_TECHNICAL = {*models.MAGIC_COLUMNS, "display_name"}
_SKIPPED_TYPES = ("one2many", "many2many", "binary", "properties", "properties_definition", "reference")
#: lists of names on a contact that are exported, too
_LISTED = ("value_interest_ids", "value_refused_kind_ids")
#: models whose rows are gone within a minute
QUEUES = ("crm.value.queue", "crm.value.points.due")
#: what users noted about a person on the contact
_NOTED = (
    "contact_style",
    "relationship_stage",
    "relationship_since",
    "contact_role",
    "relationship_strategy",
    "referred_by_id",
    "birthdate_date",
    "value_birthday_entered_on",
    "value_profile_completed_on",
    "value_interest_ids",
    "preferred_channel",
)
#: columns of a value that no refresh computes and that conclude something about the customer
_DECIDED = (
    "tier_id",
    "tier_since",
    "tier_cause",
    "tier_review_date",
    "next_tier_id",
    "lifecycle_since",
    "caution",
    "caution_codes",
)
#: columns of a snapshot that an erased profile keeps: the sums of money are the books
_KEPT = {"id", "value_id", "company_id", "as_of_date", "is_reconstructed", "revenue_12m", "realised_value"}


class CrmValuePrivacy(models.AbstractModel):
    """The two rights of a data subject: to know what the addon holds, and to have the profile erased (docs/privacy.md).

    How to use: `_check_manager`, then `_privacy_export` or `_erase`; `_unlink_messages` when contacts are deleted.

    How it works: the export finds the models of the addon by the field that refers to a customer (`_domains`) and reads
    their records under the rights of the user, with the labels of the screens. Erasing ticks *Opt Out of Scoring*,
    deletes logs, notes and follow-ups, and empties what was concluded; the books stay.
    """

    _name = "crm.value.privacy"
    _description = "Customer Value: Privacy"

    @api.model
    def _check_manager(self, partners, operation):
        """Refuse everybody but sales managers who may do this to the contacts.

        :raise AccessError: the user is no sales manager, or has no right to the operation
        """
        if not self.env.su and not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(self.env._("Only sales managers answer to data subjects."))
        partners.check_access(operation)

    # the export

    @api.model
    def _privacy_export(self, partner):
        """Return what the addon holds about a customer and its contacts, as far as the user may read it.

        :return: dict of JSON values: ``customer``, ``contacts``, ``companies``, ``made_on``, ``records``: the name of
            each model → a list of dicts, by the labels of the fields; and ``definitions``: what the labels mean
        """
        customer = partner.commercial_partner_id
        persons = partner.with_context(active_test=False).search([("id", "child_of", customer.id)])
        exported, definitions = {}, {}
        for model, domain in self._domains(customer, persons).items():
            if not self.env[model].has_access("read"):
                continue
            rows = self._export_records(self.env[model].with_context(active_test=False).search(domain), definitions)
            if rows:
                exported[self.env["ir.model"]._get(model).display_name] = rows
        return {
            "customer": customer.display_name,
            "contacts": (persons - customer).mapped("display_name"),
            "companies": self.env.companies.mapped("name"),
            "made_on": fields.Datetime.now().isoformat() + "Z",
            "records": exported,
            "definitions": dict(sorted(definitions.items())),
        }

    @api.model
    def _domains(self, customer, persons):
        """Return the domain of the records about a customer for each model that has any."""
        values = self.env["crm.value"].search([("partner_id", "=", customer.id)])
        domains = {"res.partner": [("id", "in", persons.ids)]}
        for name, model in self.env.registry.items():
            if model._original_module == _MODULE and not model._abstract and not model._transient:
                domain = self._domain_of(name, customer, persons, values)
                if domain:
                    domains[name] = domain
        orders = (
            self.env["sale.order"].search([("partner_id", "in", persons.ids)])
            if self.env["sale.order"].has_access("read")
            else self.env["sale.order"]
        )
        return domains | {
            "sale.order": [("id", "in", orders.ids)],
            "crm.lead": [("partner_id", "in", persons.ids)],
            "mail.activity": [
                *("|", ("value_followup_id.value_id", "in", values.ids)),
                *("&", ("res_model", "=", "crm.value.feedback"), ("res_id", "in", self._ids_of("feedback", persons))),
            ],
            "mail.message": [
                *("|", "|", "&", ("model", "=", "crm.value"), ("res_id", "in", values.ids)),
                *("&", ("model", "=", "crm.value.feedback"), ("res_id", "in", self._ids_of("feedback", persons))),
                *("&", ("model", "=", "crm.value.departure"), ("res_id", "in", self._ids_of("departure", persons))),
            ],
        }

    @api.model
    def _ids_of(self, what, persons):
        records = self.env[f"crm.value.{what}"]
        return records.search([("partner_id", "in", persons.ids)]).ids if records.has_access("read") else []

    @api.model
    def _domain_of(self, model, customer, persons, values):
        """Return the domain of a customer's records in a model of the addon, None when it refers to no customer."""
        of_partner, of_value = (self._referring_field(model, comodel) for comodel in ("res.partner", "crm.value"))
        if of_partner:
            return [(of_partner, "in", persons.ids)]
        if of_value:
            return [(of_value, "in", values.ids)]
        names = self.env[model]._fields
        if "move_id" in names:
            return [("move_id.commercial_partner_id", "=", customer.id)]
        if "partner_key" in names and model not in (
            "crm.value.queue",
            "crm.value.points.due",
        ):  # rows are gone in minutes
            return [("partner_key", "=", customer.id)]
        return None

    @api.model
    def _referring_field(self, model, comodel):
        columns = [
            name
            for name, field in self.env[model]._fields.items()
            if field.type == "many2one" and field.comodel_name == comodel and field.store
        ]
        return next((name for name in ("partner_id", "value_id") if name in columns), columns[:1] and columns[0])

    @api.model
    def _export_records(self, records, definitions):
        """Return records as dicts by the labels of their fields, without empty values.

        :param definitions: dict to which the meaning of the labels is added
        """
        if not records:
            return []
        described = self._described_fields(records)
        model = self.env["ir.model"]._get(records._name).display_name
        rows = []
        for record in records.read(["display_name", *described]):
            row = {}
            for name, about in described.items():
                value = self._export_value(
                    about, records[name].browse(record[name]) if name in _LISTED else record[name]
                )
                if value is not None:
                    row[about["label"]] = value
                    if about.get("help"):
                        definitions[f"{model}: {about['label']}"] = about["help"]
            if self._is_ours(records):
                rows.append(row)
            elif row:
                rows.append({self.env._("Record"): record["display_name"], **row})
        return rows

    @api.model
    def _is_ours(self, records):
        return records._name.startswith("crm.value")

    @api.model
    def _described_fields(self, records):
        """Return the description of each exported field; its ``label`` has the name where two fields share a label."""
        described = {
            name: about
            for name, about in records.fields_get(attributes=["string", "help", "type", "selection"]).items()
            if (about["type"] not in _SKIPPED_TYPES or name in _LISTED)
            and name not in _TECHNICAL
            and self._is_exported(records, name)
        }
        labels = [about["string"] for about in described.values()]
        return {
            name: {
                **about,
                "label": about["string"] if labels.count(about["string"]) == 1 else f"{about['string']} ({name})",
            }
            for name, about in described.items()
        }

    @api.model
    def _is_exported(self, records, name):
        """Return whether a field belongs to the addon; of Odoo's own records, other modules export theirs."""
        field = records._fields[name]
        return (
            self._is_ours(records) or name in _MADE.get(records._name, ()) or _MODULE in field._modules and field.store
        )

    @api.model
    def _export_value(self, about, value):
        """Return a value of `read` as JSON holds it, None for an empty one."""
        kind = about["type"]
        if kind == "boolean":
            return bool(value)
        if kind in ("integer", "float", "monetary"):
            return value
        if not value:
            return None
        if kind == "many2one":
            return value[1]
        if kind == "many2many":
            return ", ".join(value.mapped("display_name"))
        if kind == "selection":
            return dict(about["selection"]).get(value, value)
        if kind == "html":
            return html2plaintext(value).strip() or None
        return value.isoformat() if hasattr(value, "isoformat") else value

    # erasing

    @api.model
    def _erase(self, partners):
        """Erase what was concluded or noted about customers, in all companies.

        They are not scored again until somebody unticks *Opt Out of Scoring*.

        :return: the customers
        """
        # sudo: the contact is shared by all companies, and so is the wish; users cannot write most of these columns.
        customers = partners.commercial_partner_id.sudo().with_context(active_test=False, tracking_disable=True)
        persons = customers.search([("id", "child_of", customers.ids)])
        customers.value_opt_out = True
        persons.write(dict.fromkeys(_NOTED, False))
        self.env["crm.value.product"]._forget(customers.ids)
        self.env["crm.value.suggestion"]._forget(customers.ids)
        self.env["crm.value.dismissal"].sudo().search([("partner_id", "in", persons.ids)]).unlink()
        self._erase_values(customers.value_ids)
        self.env["crm.value.feedback"].sudo().search([("partner_id", "in", persons.ids)]).unlink()
        self.env["crm.value.departure"].sudo().search([("partner_id", "in", persons.ids)]).unlink()
        self.env["crm.value.opening.standing"].sudo().search([("partner_id", "in", persons.ids)]).unlink()
        self.env["crm.lead"].sudo().with_context(active_test=False).search(
            [("partner_id", "in", persons.ids), ("referred_by_id", "!=", False)]
        ).referred_by_id = False
        self.env["loyalty.history"].sudo().search(
            [("card_id.partner_id", "in", persons.ids), ("value_tier_id", "!=", False)]
        )._forget_tier()
        self.env["sale.order"].sudo().search(
            [("partner_id", "in", persons.ids), ("value_pause_reason", "!=", False)]
        ).value_pause_reason = False
        self.env.cr.execute(SQL("DELETE FROM crm_value_run_skipped WHERE partner_key = ANY(%s)", customers.ids))
        self.env["crm.value.run.skipped"].invalidate_model()
        return customers

    @api.model
    def _erase_values(self, values):
        """Erase logs, notes, follow-ups and conclusions about the customers of these values (sudo records).

        Gifts stay without their reason, and their key remembers the occasion, so that nobody gets one twice.
        """
        env = values.env
        followups = env["crm.value.followup"].search([("value_id", "in", values.ids)])
        followups.with_context(active_test=False).activity_ids.unlink()
        followups.unlink()
        for model in ("crm.value.tier.change", "crm.value.tier.lock", "crm.value.caution.override", "crm.value.mail"):
            env[model].with_context(active_test=False).search([("value_id", "in", values.ids)]).unlink()
        env["mail.message"].search([("model", "=", values._name), ("res_id", "in", values.ids)]).unlink()
        env.flush_all()
        self._erase_columns(values)
        for company, of_company in values.grouped("company_id").items():
            env["crm.value.scheduler"]._refresh_or_enqueue(of_company.partner_id, company)

    @api.model
    def _erase_columns(self, values):
        """Empty the conclusions in snapshots, gifts and values at once, whoever refreshes the customers meanwhile.

        A refresh that is under way writes the same, because it withholds the figures of customers who opted out.
        """
        names = [
            name
            for name, field in self.env["crm.value.snapshot"]._fields.items()
            if field.store and field.column_type and name not in _KEPT
        ]
        self.env.cr.execute(
            SQL(
                "UPDATE crm_value_snapshot SET %s WHERE value_id = ANY(%s)",
                SQL(", ").join(SQL("%s = NULL", SQL.identifier(name)) for name in names),
                values.ids,
            )
        )
        self.env.cr.execute(
            SQL(
                "UPDATE crm_value_grant SET occasion = %s || id, tier_id = NULL WHERE value_id = ANY(%s)",
                ERASED,
                values.ids,
            )
        )
        Value = self.env["crm.value"]
        concluded = [
            *_DECIDED,
            "figures_digest",
            *(name for name in Value._refreshed_fields() if name not in Value._fields_with("opt_out", "kept")),
        ]
        self.env.cr.execute(
            SQL(
                "UPDATE crm_value SET %s WHERE id = ANY(%s)",
                SQL(", ").join(
                    SQL("%s = %s", SQL.identifier(name), self._nothing(Value._fields[name])) for name in concluded
                ),
                values.ids,
            )
        )
        self.env.invalidate_all()

    @api.model
    def _nothing(self, field):
        """Return the SQL of an empty value as a refresh of a customer who opted out would write it."""
        is_number = field.type in ("integer", "float", "monetary") and field.name != "figures_digest"
        return SQL("0") if is_number else SQL("NULL")

    @api.model
    def _unlink_messages(self, partners):
        """Delete the messages on what goes with contacts: PostgreSQL deletes their values and feedback, not these."""
        # sudo: whoever may delete a contact deletes what is said about it, in every company.
        for model in ("crm.value.feedback", "crm.value.departure"):
            self.env[model].sudo().search([("partner_id", "in", partners.ids)]).unlink()
        values = self.env["crm.value"].sudo().search([("partner_id", "in", partners.ids)])
        self.env["mail.message"].sudo().search([("model", "=", values._name), ("res_id", "in", values.ids)]).unlink()
