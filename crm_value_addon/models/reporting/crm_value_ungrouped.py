from odoo import api, models


class CrmValueUngrouped(models.AbstractModel):
    """Keeps fields that only the machine reads out of *Custom Group*: colours, codes, bits.

    How to use: name them in `_ungrouped`. They stay fields like others; only the search bar does not offer them.
    """

    _name = "crm.value.ungrouped"
    _description = "Customer Value: Fields Not to Group by"
    _ungrouped = frozenset()

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        found = super().fields_get(allfields, attributes)
        for name in self._ungrouped & found.keys():
            if "groupable" in found[name]:
                found[name]["groupable"] = False
        return found
