import { _t } from "@web/core/l10n/translation";

import { DashboardSection } from "../dashboard_section";

/** Ten customers to call today, and why. */
export class Calls extends DashboardSection {
    static template = "crm_value_addon.DashboardCalls";

    get names() {
        return { due: _t("Follow-ups due"), atRisk: _t("Customers at risk") };
    }
}
