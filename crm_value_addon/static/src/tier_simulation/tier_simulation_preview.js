import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component, onMounted, useState } from "@odoo/owl";

/** The button "Preview" of a tier simulation: computes it step by step and shows the progress; at once on opening. */
export class TierSimulationPreview extends Component {
    static template = "crm_value_addon.TierSimulationPreview";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ percent: null });
        onMounted(() => this.props.record.resId || this.preview());
    }

    async preview() {
        const record = this.props.record;
        if (this.state.percent !== null || !(await record.save())) {
            return;
        }
        this.state.percent = 0;
        try {
            let progress = { processed: 0, total: 1 };
            for (let restart = true; restart || progress.processed < progress.total; restart = false) {
                progress = await this.orm.call(record.resModel, "preview_step", [[record.resId], restart]);
                this.state.percent = progress.total ? Math.round((100 * progress.processed) / progress.total) : 100;
            }
        } finally {
            this.state.percent = null;
            await record.load();
        }
    }
}

registry.category("view_widgets").add("tier_simulation_preview", { component: TierSimulationPreview });
