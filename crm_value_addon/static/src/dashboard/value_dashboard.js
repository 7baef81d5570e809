import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { useSetupAction } from "@web/search/action_hook";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

import { Component, onWillStart, useState } from "@odoo/owl";

import { DashboardFormat } from "./dashboard_format";

/**
 * What all customers are worth, at a glance. One call to the server returns all figures; each opens the records behind
 * it. The sections are the components of the registry (see DashboardSection) whose figures the server sent.
 */
export class ValueDashboard extends Component {
    static template = "crm_value_addon.ValueDashboard";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.display = { controlPanel: { layoutActions: true } };
        const { period = "month", companyId = false } = this.props.state || {};
        this.state = useState({ period, companyId, isLoading: false, data: null });
        useSetupAction({ getLocalState: () => ({ period: this.state.period, companyId: this.state.companyId }) });
        onWillStart(() => this.load());
    }

    get periods() {
        return [
            { key: "month", name: _t("This month") },
            { key: "quarter", name: _t("Last 3 months") },
            { key: "year", name: _t("Last 12 months") },
        ];
    }

    get sections() {
        return registry
            .category("crm_value_dashboard_sections")
            .getEntries()
            .filter(([name]) => name in this.state.data)
            .map(([name, section]) => ({ name, ...section }));
    }

    get format() {
        return new DashboardFormat(this.state.data.currency_id);
    }

    async load() {
        const { period, companyId } = this.state;
        this.state.isLoading = true;
        try {
            const data = await this.orm.call("crm.value.dashboard", "read_dashboard", [], {
                period,
                company_id: companyId,
            });
            // An answer that arrives after a newer request is dropped.
            if (period === this.state.period && companyId === this.state.companyId) {
                this.state.data = data;
            }
        } finally {
            this.state.isLoading = false;
        }
    }

    setPeriod(period) {
        this.state.period = period;
        return this.load();
    }

    setCompany(ev) {
        this.state.companyId = Number(ev.target.value) || false;
        return this.load();
    }

    /** Compute the figures that are missing. */
    async refresh() {
        await this.action.doAction(await this.orm.call("crm.value", "action_recompute_company", []));
        await this.load();
    }
}

registry.category("actions").add("crm_value_dashboard", ValueDashboard);
