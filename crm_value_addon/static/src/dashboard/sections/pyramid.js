import { _t } from "@web/core/l10n/translation";

import { DashboardSection } from "../dashboard_section";

/** Below so many customers, "the best fifth" tells nothing. */
const FEWEST = 5;

/** How many customers each tier has, and how much of it all they bring: the one grows downwards, the other upwards. */
export class Pyramid extends DashboardSection {
    static template = "crm_value_addon.DashboardPyramid";

    get bestName() {
        return _t("The best customers");
    }

    get bestSentence() {
        const { best } = this.customers;
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
        const { tiers } = this.customers;
        const sum = (key) => tiers.reduce((total, tier) => total + Math.max(tier[key], 0), 0);
        return { count: sum("count"), revenue: sum("revenue") };
    }

    share(part, whole) {
        return whole > 0 && part > 0 ? this.props.format.percent(part / whole) : "";
    }
}
