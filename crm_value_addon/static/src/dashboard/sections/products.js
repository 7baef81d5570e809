import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

import { onMounted, onWillUpdateProps, useState } from "@odoo/owl";

import { DashboardSection } from "../dashboard_section";

/** What customers stopped buying, what they buy less of, and the money at stake; asked once the page is drawn. */
export class Products extends DashboardSection {
    static template = "crm_value_addon.DashboardProducts";

    setup() {
        super.setup();
        this.orm = useService("orm");
        this.state = useState({ figures: null });
        onMounted(() => this.load(this.props));
        onWillUpdateProps((props) => {
            if (props.data !== this.props.data) {
                this.state.figures = null;
                this.load(props);
            }
        });
    }

    async load({ data, name }) {
        const { asked } = data[name];
        const figures = await this.orm.call("crm.value.dashboard", "read_section", asked);
        // the answer to the last question only
        if (this.section.asked === asked) {
            this.state.figures = figures;
        }
    }

    get kinds() {
        const { lost, shrinking } = this.state.figures;
        return [
            { key: "lost", name: String(_t("No longer bought")), icon: "fa-times text-danger", figure: lost },
            {
                key: "shrinking",
                name: String(_t("Bought less")),
                icon: "fa-arrow-down text-warning",
                figure: shrinking,
            },
        ];
    }
}

registry.category("crm_value_dashboard_sections").add("products", { Component: Products, width: 12 }, { sequence: 35 });
