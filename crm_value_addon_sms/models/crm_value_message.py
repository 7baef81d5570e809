from odoo import api, models
from odoo.addons.crm_value_addon.models.followups.crm_value_followup import QUIET
from odoo.tools import SQL


class CrmValueMessage(models.AbstractModel):
    """Writes text messages, too: a text of one line, which stands where the subject of a mail does."""

    _inherit = "crm.value.message"

    @api.model
    def _lines(self, template):
        return {"subject": template.body or ""} if template._name == "sms.template" else super()._lines(template)

    @api.model
    def _body(self, template):
        return "" if template._name == "sms.template" else super()._body(template)

    @api.model
    def _queue_texts(self, rule, company, due, followup_ids, written):
        """Put the text messages of follow-ups into Odoo's queue; each follow-up remembers its message."""
        send_at = self.env["crm.value.manners"]._send_at(company)
        texts = [written[row.value_id] for row in due]
        # sudo: whoever runs the rule need not be allowed to write messages, nor to see phone numbers.
        recipients = self.env["res.partner"].sudo().browse([text.recipient_id for text in texts])
        messages = (
            self.env["mail.message"]
            .sudo()
            .with_context(**QUIET)
            .create(
                [
                    {
                        "model": "res.partner",
                        "res_id": text.recipient_id,
                        "author_id": company.partner_id.id,
                        "email_from": company.email_formatted,
                        "reply_to": company.email_formatted,
                        "body": text.subject,
                        # an automatic message is no talk with the customer: it does not count as a contact
                        "message_type": "auto_comment",
                        "is_internal": True,
                    }
                    for text in texts
                ]
            )
        )
        self.env["sms.sms"].sudo().create(
            [
                {
                    "partner_id": recipient.id,
                    "number": recipient.phone_sanitized,
                    "body": text.subject,
                    "mail_message_id": message.id,
                    "state": "value_waiting" if send_at else "outgoing",
                    "value_send_at": send_at,
                }
                for recipient, text, message in zip(recipients, texts, messages, strict=True)
            ]
        )
        if send_at:
            self.env.ref("crm_value_addon_sms.ir_cron_release").sudo()._trigger(send_at)  # sudo: wakes our own cron
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup followup SET message_id = said.message_id, summary = said.body
                     FROM unnest(%s::int[], %s::int[], %s::text[]) AS said(id, message_id, body)
                    WHERE followup.id = said.id""",
                [followup_ids[row.value_id] for row in due],
                messages.ids,
                [text.subject for text in texts],
            )
        )
        self.env["crm.value.followup"].invalidate_model(["message_id", "summary"])
