from odoo import api, models
from odoo.modules import module


class CrmValueSchema(models.AbstractModel):
    """Commits each schema change at once, so installing and updating hold locks only briefly.

    How to use: the `init` of a model of Odoo's whose large table this addon changes calls `_commit`, and so does the
    first of the addon's data.

    How it works: a column or foreign key on a table of Odoo's locks that table until the transaction ends. Odoo ends it
    when all data of the module are loaded, which takes much longer than all changes of the tables. Should the rest
    fail, Odoo resets the module's state, and the next attempt finds the columns there. Odoo calls `init` while other
    modules are installed and updated, too: what they changed so far is not this addon's to commit.
    """

    _name = "crm.value.schema"
    _description = "Customer Value: Schema"

    @api.model
    def _commit(self):
        """Commit the changes of the tables, if Odoo is installing or updating this addon now."""
        # Odoo's registry says so itself (Registry.init_models); data files are loaded without that.
        if self.env.context.get("module", "crm_value_addon") == "crm_value_addon" and not module.current_test:
            self.env.cr.commit()  # pylint: disable=invalid-commit
