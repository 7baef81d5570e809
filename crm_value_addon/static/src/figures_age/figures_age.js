import { Component, onMounted, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { ControlPanel } from "@web/search/control_panel/control_panel";
import { graphView } from "@web/views/graph/graph_view";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { listView } from "@web/views/list/list_view";
import { pivotView } from "@web/views/pivot/pivot_view";

/** How old the figures of a screen are; it comes after the figures, which wait for nothing. */
export class FiguresAge extends Component {
    static template = "crm_value_addon.FiguresAge";
    static props = {};

    setup() {
        this.orm = useService("orm");
        this.state = useState({ sentences: [] });
        onMounted(async () => {
            this.state.sentences = await this.orm.silent.call("crm.value", "get_figures_age", []);
        });
    }
}

export class FiguresControlPanel extends ControlPanel {
    static template = "crm_value_addon.FiguresControlPanel";
    static components = { ...ControlPanel.components, FiguresAge };
}

for (const view of [listView, kanbanView, graphView, pivotView]) {
    registry.category("views").add(`value_${view.type}`, { ...view, ControlPanel: FiguresControlPanel });
}
