import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

import { DashboardSection } from "../dashboard_section";

/** With fewer customers, a share of the best fifth has no meaning. */
const FEWEST = 5;

/** The customers of each tier and their share of the revenue: a pyramid of the one, and one upside down of the other. */
export class Tiers extends DashboardSection {
    static template = "crm_value_addon.DashboardTiers";

    get bestName() {
        return _t("The best customers");
    }

    get bestSentence() {
        const { best } = this.section;
        const { format } = this.props;
        return best && best.of >= FEWEST
            ? _t("The best %(percent)s of the customers bring %(share)s of the %(worth)s.", {
                  percent: format.percent(best.count / best.of),
                  share: format.percent(best.share),
                  worth: this.worthName,
              })
            : "";
    }

    get totals() {
        const sum = (key) => this.section.rows.reduce((total, tier) => total + Math.max(tier[key], 0), 0);
        return { count: sum("count"), revenue: sum("revenue") };
    }

    share(part, whole) {
        return whole > 0 && part > 0 ? this.props.format.percent(part / whole) : "";
    }
}

registry.category("crm_value_dashboard_sections").add("tiers", { Component: Tiers, width: 7 }, { sequence: 40 });
