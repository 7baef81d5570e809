import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

/** Ten customers to call today, and why. */
export class Calls extends DashboardSection {
    static template = "crm_value_addon.DashboardCalls";

    get names() {
        return { due: _t("Follow-ups due"), atRisk: _t("Customers at risk") };
    }
}

registry
    .category("crm_value_dashboard_sections")
    .add("calls", { Component: Calls, width: 5, isFirstOnPhone: true }, { sequence: 30 });
