import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { useSetupAction } from "@web/search/action_hook";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

import { Component, onMounted, onWillStart, useState } from "@odoo/owl";

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
        const { period = "month", companyId = false, filters = {} } = this.props.state || {};
        this.state = useState({ period, companyId, filters, choices: null, isLoading: false, data: null });
        useSetupAction({
            getLocalState: () => ({
                period: this.state.period,
                companyId: this.state.companyId,
                filters: { ...this.state.filters },
            }),
        });
        onWillStart(() => this.load());
        onMounted(() => this.isFiltered && this.loadChoices());
    }

    get periods() {
        return [
            { key: "month", name: _t("This month") },
            { key: "quarter", name: _t("Last 3 months") },
            { key: "year", name: _t("Last 12 months") },
        ];
    }

    /** What the customers can be filtered by, where there is something to choose from. */
    get filters() {
        return [
            { name: "team_id", label: _t("Sales team"), all: _t("All teams") },
            { name: "country_id", label: _t("Country"), all: _t("All countries") },
            { name: "tag_id", label: _t("Tag"), all: _t("All tags") },
            { name: "channel_id", label: _t("Channel"), all: _t("All channels") },
            { name: "through", label: _t("Buys through"), all: _t("Invoice, shop and till") },
        ]
            .map((filter) => ({ ...filter, choices: this.state.choices?.[filter.name] || [] }))
            .filter(({ choices }) => choices.length);
    }

    get isMine() {
        return Boolean(this.state.filters.user_id);
    }

    get isFiltered() {
        return Object.values(this.state.filters).some(Boolean);
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
        const filters = { ...this.state.filters };
        const asked = JSON.stringify([period, companyId, filters]);
        this.state.isLoading = true;
        try {
            const data = await this.orm.call("crm.value.dashboard", "read_dashboard", [], {
                period,
                company_id: companyId,
                filters,
            });
            // An answer that arrives after a newer request is dropped.
            if (asked === JSON.stringify([this.state.period, this.state.companyId, this.state.filters])) {
                this.state.data = data;
            }
        } finally {
            this.state.isLoading = false;
        }
    }

    /** The choices are read once somebody wants to filter, and after the figures, which do not wait for them. */
    async loadChoices() {
        this.state.choices = await this.orm.silent.call("crm.value.dashboard.filter", "read_choices", []);
    }

    setFilter(name, id) {
        this.state.filters = { ...this.state.filters, [name]: Number(id) || false };
        return this.load();
    }

    toggleMine() {
        return this.setFilter("user_id", this.isMine ? false : user.userId);
    }

    clearFilters() {
        this.state.filters = {};
        return this.load();
    }

    setPeriod(period) {
        this.state.period = period;
        return this.load();
    }

    setCompany(ev) {
        this.state.companyId = Number(ev.target.value) || false;
        return this.load();
    }

    get doneText() {
        return String(_t("Done"));
    }

    get openText() {
        return String(_t("To do"));
    }

    /** Open a step of the first hour; back on the dashboard it is done. */
    async takeStep({ name }) {
        const action = await this.orm.call("crm.value.first.hour", "open_step", [name, this.state.data.company_id]);
        await this.action.doAction(action);
        if (name === "refresh") {
            await this.load();
        }
    }

    async closeFirstHour() {
        await this.orm.call("crm.value.first.hour", "close", [this.state.data.company_id]);
        this.state.data.first_hour = [];
    }

    /** Compute the figures that are missing. */
    async refresh() {
        await this.action.doAction(await this.orm.call("crm.value", "action_recompute_company", []));
        await this.load();
    }
}

registry.category("actions").add("crm_value_dashboard", ValueDashboard);
