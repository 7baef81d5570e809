"""Note on open orders which benefits they were promised, so that they keep these when the tier goes out of use."""


def migrate(cr, version):
    cr.execute(
        """
        UPDATE sale_order sale SET value_carried_benefits = promised.ids
          FROM (SELECT benefit.tier_id, jsonb_agg(benefit.id ORDER BY benefit.id) AS ids
                  FROM crm_value_benefit benefit JOIN crm_value_tier tier ON tier.id = benefit.tier_id
                 WHERE benefit.active AND tier.active GROUP BY benefit.tier_id) promised
         WHERE sale.value_tier_id = promised.tier_id AND sale.value_carried_benefits IS NULL
           AND (sale.state IN ('draft', 'sent') OR sale.state = 'sale' AND sale.invoice_status <> 'invoiced')
        """
    )
