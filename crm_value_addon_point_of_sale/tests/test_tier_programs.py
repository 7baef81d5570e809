from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.addons.crm_value_addon.tests.common_benefits import BenefitCase


@freeze_time(TODAY)
class TestTierPrograms(BenefitCase):
    """Tills know no tiers, so they do not get programs that are for certain tiers only."""

    def test_programs_of_tiers_leave_the_tills(self):
        program, other = self.program(), self.program()
        self.assertTrue(program.pos_ok)
        benefit = self.benefit("program", program_id=program.id)
        self.assertFalse(program.pos_ok)
        with self.refused("Tills do not know the tier"):
            program.pos_ok = True
        benefit.program_id = other
        self.assertFalse(other.pos_ok)
        program.pos_ok = True

    def test_other_programs_stay(self):
        coupons, everybody = self.program("coupons"), self.program("loyalty")
        self.benefit("gift", program_id=coupons.id)
        self.assertTrue(coupons.pos_ok and everybody.pos_ok)

    def test_drafts_close_nothing(self):
        program = self.program()
        draft = self.tier("Draft", 20000, 20000, state="draft")
        self.benefit("program", draft, program_id=program.id)
        self.assertTrue(program.pos_ok)
        draft.action_activate()
        self.assertFalse(program.pos_ok)

    def test_tills_that_come_later(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        self.env.flush_all()
        self.env.cr.execute("UPDATE loyalty_program SET pos_ok = TRUE WHERE id = %s", [program.id])
        self.env.invalidate_all()
        self.env["loyalty.program"]._register_hook()
        self.assertFalse(program.pos_ok)
