import logging

import psycopg2

from odoo import SUPERUSER_ID, Command, api, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL, mute_logger

_logger = logging.getLogger(__name__)


class CrmValueSample(models.AbstractModel):
    """Sample data in a company of its own, loaded and removed by an administrator.

    How to use: `load_sample` and `remove_sample`, the buttons in the settings.

    How it works: the sample company owns all that is loaded, so that nothing of it stands among a company's own
    contacts, products, books or tiers, and no number of its invoices or orders is taken. Removing deletes whatever
    belongs to the company, then the company; what refers to it otherwise keeps the database from deleting it, and
    then nothing is removed at all.
    """

    _name = "crm.value.sample"
    _description = "Customer Value: Sample Data"

    @api.model
    def load_sample(self):
        """Load the sample data into a new company, which the user may switch to.

        :return: action that tells the user
        :raise AccessError: the user is no administrator
        :raise UserError: the sample data is there already
        """
        self._check_administrator()
        if self._company():
            raise UserError(self.env._("The sample data is there already: switch to its company, or remove it."))
        from ...demo import sample

        root = self.env(user=SUPERUSER_ID)  # what belongs to the new company alone, on behalf of an administrator
        currency = self.env.company.currency_id
        # no country: with one, Odoo would install its localization into the whole database
        company = root["res.company"].create(
            {
                "name": self.env._("Coffee Supplier (sample data)"),
                "currency_id": currency.id,
                "value_is_sample": True,
            }
        )
        self.env.user.sudo().company_ids = [Command.link(company.id)]
        sample.load(root, company, self.env.user.with_env(root))
        return self._reload(
            self.env._("The sample data is there: switch to %(company)s at the top right.", company=company.name)
        )

    @api.model
    def remove_sample(self):
        """Remove the sample company and all that belongs to it.

        :return: action that tells the user
        :raise AccessError: the user is no administrator
        :raise UserError: there is no sample data, or something else refers to it
        """
        self._check_administrator()
        company = self._company()
        if not company:
            raise UserError(self.env._("There is no sample data."))
        self._delete(company)
        return self._reload(self.env._("The sample data is gone."))

    @api.model
    def _check_administrator(self):
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self.env._("Sample data is for administrators."))

    @api.model
    def _company(self):
        """Return the sample company, empty without one."""
        # sudo: whether it is there is told to administrators only, who need not have it among their companies.
        return self.env["res.company"].sudo().search([("value_is_sample", "=", True)], limit=1)

    @api.model
    def _reload(self, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "success",
                "sticky": True,
                "next": {"type": "ir.actions.client", "tag": "reload"},
            },
        }

    # removing

    @api.model
    def _delete(self, company):
        """Delete a company and whatever belongs to it.

        :raise UserError: something that stays refers to it
        """
        env = self.env(
            user=SUPERUSER_ID,
            context={"active_test": False, "allowed_company_ids": company.ids, "tracking_disable": True},
        )
        company = company.with_env(env)
        contact, name = company.partner_id, company.name
        users = env["res.users"].search([("company_ids", "in", company.ids)])
        if company in users.company_id:
            raise UserError(
                self.env._(
                    "%(company)s is the default company of a user: choose another one there first.", company=name
                )
            )
        strays = self._strays(env, company)
        self._undo_documents(env, company)
        users.company_ids = [Command.unlink(company.id)]
        # what the company itself points at is deleted before it
        company.write(
            {
                name: False
                for name, field in company._fields.items()
                if field.type == "many2one" and field.store and not (field.required or field.compute) and company[name]
            }
        )
        owned = [model for model in env.values() if self._owner_field(model)]
        while owned:
            left = [model for model in owned if not self._delete_of(model, company)]
            if len(left) == len(owned):
                raise UserError(
                    self.env._(
                        "Nothing was removed: %(models)s of %(company)s cannot be deleted.",
                        models=", ".join(model._description for model in left),
                        company=name,
                    )
                )
            owned = left
        self._forget_properties(env, company)
        company.unlink()
        for records in (contact, *strays):
            records.exists().unlink()
        # deleting documents asked for a refresh of their customers, and deleting these changed sums
        for model in ("crm.value.queue", "crm.value.sum"):
            env[model].search([("company_key", "=", company.id)]).unlink()
        env.registry.clear_cache()

    @api.model
    def _strays(self, env, company):
        """Return what Odoo makes for a company without saying whose it is: recordsets."""
        rewards = env["loyalty.reward"].search([("program_id.company_id", "=", company.id)])
        return rewards.discount_line_product_id.product_tmpl_id, company.batch_payment_sequence_id

    @api.model
    def _undo_documents(self, env, company):
        """Delete the documents of a company in the order that Odoo allows."""
        moves = env["account.move"].search([("company_id", "=", company.id)])
        moves.line_ids.remove_move_reconcile()
        moves.filtered(lambda move: move.state == "posted").button_draft()
        moves.with_context(force_delete=True).unlink()
        orders = env["sale.order"].search([("company_id", "=", company.id)])
        orders.filtered("locked").action_unlock()
        orders.with_context(disable_cancel_warning=True).filtered(
            lambda order: order.state != "cancel"
        )._action_cancel()
        orders.unlink()
        env["loyalty.program"].search([("company_id", "=", company.id)]).action_archive()

    @api.model
    def _owner_field(self, model):
        """Return the name of the stored field that says to which companies records belong, None without one."""
        if model._auto and not model._abstract and not model._transient:
            for name in ("company_id", "company_ids"):
                field = model._fields.get(name)
                if field and field.store and field.comodel_name == "res.company" and not field.company_dependent:
                    return name
        return None

    @api.model
    def _delete_of(self, model, company):
        """Delete the records of a company; return whether none is left."""
        name = self._owner_field(model)
        records = model.sudo().search([(name, "in", company.ids)], order="id desc")
        if name == "company_ids":
            records = records.filtered(lambda record: record.company_ids == company)
        if records:
            try:
                with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                    records.unlink()
            except (UserError, ValidationError, psycopg2.Error) as error:
                _logger.debug("%s of the sample company: %s", model._name, error)
                return False
        return True

    @api.model
    def _forget_properties(self, env, company):
        """Take the company out of fields that hold a value for each company."""
        env.flush_all()
        for model in env.values():
            if not model._auto or model._abstract:
                continue
            for field in model._fields.values():
                if field.company_dependent and field.store:
                    column = SQL.identifier(field.name)
                    env.cr.execute(
                        SQL(
                            "UPDATE %s SET %s = NULLIF(%s - %s, '{}') WHERE %s ? %s",
                            SQL.identifier(model._table),
                            column,
                            column,
                            str(company.id),
                            column,
                            str(company.id),
                        )
                    )
        env.invalidate_all()
