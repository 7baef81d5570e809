import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

/** What customers stopped buying, what they buy less of, and the money at stake. */
export class Products extends DashboardSection {
    static template = "crm_value_addon.DashboardProducts";

    get kinds() {
        const { lost, shrinking } = this.section;
        return [
            { key: "lost", name: String(_t("No longer bought")), icon: "fa-times text-danger", figure: lost },
            { key: "shrinking", name: String(_t("Bought less")), icon: "fa-arrow-down text-warning", figure: shrinking },
        ];
    }
}

registry
    .category("crm_value_dashboard_sections")
    .add("products", { Component: Products, width: 12 }, { sequence: 35 });
