import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";
import { customerBenefits, customerTier, tierProgress, tillTiers } from "./tier";

const PAYMENT_PROGRAMS = ["gift_card", "ewallet"];

patch(PosOrder.prototype, {
    get customerTier() {
        return customerTier(this.getPartner(), this.config);
    },

    /** What the sale does to the customer's tier; of what it brings, tips, gift cards and eWallets are left out. */
    get tierProgress() {
        return tierProgress(this.getPartner(), this.config, this._amountForTier());
    },

    _amountForTier() {
        const tip = this.config.tip_product_id?.id;
        return this.lines
            .filter(
                (line) =>
                    line.product_id.id !== tip &&
                    !PAYMENT_PROGRAMS.includes(line.reward_id?.program_id.program_type) &&
                    !PAYMENT_PROGRAMS.includes(line.getEWalletGiftCardProgramType())
            )
            .reduce((sum, line) => sum + line.prices.total_excluded, 0);
    },

    /** Whether a program is for customers of other tiers only. */
    isClosedByTier(program) {
        return (
            program.id in tillTiers(this.config).gated &&
            !customerBenefits(this.getPartner(), this.config).some(
                (benefit) => benefit.type === "program" && benefit.target === program.id
            )
        );
    },

    get pointsFactor() {
        const benefits = customerBenefits(this.getPartner(), this.config);
        return benefits.find((benefit) => benefit.type === "points_multiplier")?.factor || 1;
    },

    setPartner() {
        super.setPartner(...arguments);
        this.closeProgramsOfOtherTiers();
    },

    /** Take back what programs for other tiers gave, as soon as the customer is another one. */
    closeProgramsOfOtherTiers() {
        if (!this.uiState.couponPointChanges) {
            return;
        }
        const isClosed = (program) => program && this.isClosedByTier(program);
        for (const [key, change] of Object.entries(this.uiState.couponPointChanges)) {
            if (isClosed(this.models["loyalty.program"].get(change.program_id))) {
                delete this.uiState.couponPointChanges[key];
            }
        }
        this.uiState.codeActivatedProgramRules = this.uiState.codeActivatedProgramRules.filter(
            (ruleId) => !isClosed(this.models["loyalty.rule"].get(ruleId)?.program_id)
        );
        const coupons = this._code_activated_coupon_ids.filter((coupon) => isClosed(coupon.program_id));
        if (coupons.length) {
            this._code_activated_coupon_ids = [["unlink", ...coupons]];
        }
        for (const line of this._get_reward_lines()) {
            if (isClosed(line.reward_id?.program_id)) {
                line.delete();
            }
        }
    },

    _programIsApplicable(program) {
        return !this.isClosedByTier(program) && super._programIsApplicable(...arguments);
    },

    pointsForPrograms(programs) {
        const result = super.pointsForPrograms(...arguments);
        const factor = this.pointsFactor;
        if (factor !== 1) {
            for (const program of programs) {
                if (program.program_type === "loyalty") {
                    for (const change of result[program.id] || []) {
                        // as the server rounds the points of a sales order
                        change.points = Math.floor(change.points * factor * 100 + 1e-6) / 100;
                    }
                }
            }
        }
        return result;
    },

    _getPointsCorrection(program) {
        const correction = super._getPointsCorrection(...arguments);
        return program.program_type === "loyalty" ? correction * this.pointsFactor : correction;
    },
});
