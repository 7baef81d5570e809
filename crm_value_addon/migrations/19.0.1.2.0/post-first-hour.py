def migrate(cr, version):
    """Take the first steps for done in companies that have used the addon already."""
    cr.execute(
        """
        UPDATE res_company company SET value_first_hour = 'refresh settings tiers benefits rules'
         WHERE value_first_hour IS NULL AND EXISTS (SELECT FROM crm_value value WHERE value.company_id = company.id)
        """
    )
