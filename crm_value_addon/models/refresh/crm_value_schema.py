from odoo import api, models


class CrmValueSchema(models.AbstractModel):
    """Commits each schema change at once, so installing and updating hold locks only briefly.

    How to use: the `init` of a model of Odoo's whose large table this addon changes calls `_commit`, and so does the
    first of the addon's data.

    How it works: a column or foreign key on a table of Odoo's locks that table until the transaction ends. Odoo ends it
    when all data of the module are loaded, which takes much longer than all changes of the tables. Should the rest
    fail, Odoo resets the module's state, and the next attempt finds the columns there.

    Odoo also calls `init` while it installs or updates another module that extends the same model, and when somebody
    adds a custom field to it. Their changes are not this addon's to commit: half of a failed update would stay.
    """

    _name = "crm.value.schema"
    _description = "Customer Value: Schema"

    @api.model
    def _commit(self):
        """Commit the changes of the tables, if Odoo is installing or updating this addon now."""
        # Odoo adds a module to this set when it is loaded, before the next one's turn.
        if "crm_value_addon" not in self.pool._init_modules:
            self.env.cr.commit()  # pylint: disable=invalid-commit
