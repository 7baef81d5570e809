import logging
from datetime import timedelta
from typing import NamedTuple

import psycopg2
from lxml import html
from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, hmac
from odoo.tools.rendering_tools import parse_inline_template, render_inline_template

from ..followups.crm_value_followup import QUIET
from ..refresh.said import describe_error

_logger = logging.getLogger(__name__)
#: how long, and how often, mails are tried again that no mail server took
_RETRIED_FOR, _RETRIED_AFTER = timedelta(days=5), timedelta(hours=1)


class Written(NamedTuple):
    """What a customer will read."""

    recipient_id: int
    lang: str
    subject: str
    body: str
    email_from: str = ""
    reply_to: str = ""


class CrmValueMessage(models.AbstractModel):
    """Writes what rules tell customers, in each customer's language, and puts it into Odoo's queue.

    How to use: `_write` renders a template for customers, without storing anything; `_queue_mails` stores the mails.
    The preview and the test mail use the same text.

    How it works: the text of a template is compiled once for each language, and filled in for one customer after the
    other. Beside what Odoo offers to templates, a text may say what the follow-up is about: ``occasion['date']``,
    ``occasion['days']`` and ``occasion['detail']``. A text that fails for a customer leaves out that customer alone.
    Each mail ends with a signed link by which its reader refuses this kind of messages.
    """

    _name = "crm.value.message"
    _description = "Messages: Texts"

    @api.model
    def _recipient_id(self, rule, row):
        """Return the contact whom a message is for: the person whom the trigger is about, else the customer."""
        model = self.env["crm.value.followup.trigger"]._document_model(rule)
        return row.res_id if row.res_id and model == "res.partner" else row.partner_id

    @api.model
    def _languages(self, rule, company, due):
        """Return the due customers by the language of whoever gets the message: dict lang → list of `DueCustomer`."""
        # sudo: the language of the contact, whoever runs the rule.
        Partner = self.env["res.partner"].sudo()
        recipients = Partner.browse([self._recipient_id(rule, row) for row in due])
        default = company.sudo().partner_id.lang or self.env.lang or "en_US"
        by_lang = {}
        for row, recipient in zip(due, recipients, strict=True):
            by_lang.setdefault(recipient.lang or default, []).append(row)
        return by_lang

    @api.model
    def _write(self, rule, template, company, due):
        """Write a mail for each due customer.

        :param template: mail.template on customer values or contacts
        :return: dict value id → `Written`; dict value id → why there is none
        """
        written, failed = {}, {}
        for lang, rows in self._languages(rule, company, due).items():
            # sudo: the template is rendered the same, whoever runs the rule.
            text = template.sudo().with_context(lang=lang)
            if not self._fill_all(rule, text, rows, written, failed):
                # a text that breaks the transaction does so for one customer, not for all
                for row in rows:
                    self._fill_safely(rule, text, row, written, failed)
        return written, failed

    @api.model
    def _fill_all(self, rule, template, due, written, failed):
        """Fill a template in for customers of one language; return False when it broke the transaction."""
        try:
            with self.env.cr.savepoint(flush=False):
                self._fill(rule, template, due, written, failed)
        except psycopg2.OperationalError:
            raise
        except psycopg2.Error:
            return False
        return True

    @api.model
    def _fill_safely(self, rule, template, row, written, failed):
        try:
            with self.env.cr.savepoint(flush=False):
                self._fill(rule, template, [row], written, failed)
        except psycopg2.OperationalError:
            raise
        except psycopg2.Error as error:
            failed[row.value_id] = describe_error(error)

    @api.model
    def _fill(self, rule, template, due, written, failed):
        """Fill a template in for customers of one language; sort them into `written` and `failed`."""
        lines = {name: parse_inline_template(text) for name, text in self._lines(template).items()}
        body = html.fragment_fromstring(self._body(template), create_parent="div")
        qweb = template.env["ir.qweb"].with_context(value_compiled={})
        ids = [row.value_id if template.model == "crm.value" else self._recipient_id(rule, row) for row in due]
        variables = template._render_eval_context() | self._variables(rule)
        for row, record in zip(due, template.env[template.model].browse(ids), strict=True):
            occasion = {"date": row.date, "days": row.number, "detail": row.detail or ""}
            variables |= {"object": record, "occasion": occasion}
            try:
                texts = {name: render_inline_template(parts, variables).strip() for name, parts in lines.items()}
                if not texts["subject"]:
                    raise ValueError(self.env._("the subject is empty"))
                # Odoo's own way: without the element that holds the parts of the text together
                text = str(qweb._render(body, variables))[5:-6]
                text = template._render_template_postprocess(template.model, {record.id: text})[record.id]
            except Exception as error:
                cause = self._cause(error)
                if isinstance(cause, psycopg2.Error):
                    raise cause  # noqa: B904 the transaction is broken, which the evaluation hides
                _logger.info("Follow-up rule %s: no text for %s", rule.id, record, exc_info=True)
                failed[row.value_id] = describe_error(cause).splitlines()[0]
                continue
            written[row.value_id] = Written(self._recipient_id(rule, row), template.env.lang, body=str(text), **texts)

    @api.model
    def _cause(self, error):
        """Return the error that Odoo's evaluation wrapped in others: the database's, where it is one."""
        wrapped = error
        while wrapped is not None and not isinstance(wrapped, psycopg2.Error):
            error, wrapped = wrapped, wrapped.__cause__ or wrapped.__context__
        return wrapped or error

    @api.model
    def _lines(self, template):
        """Hook: the texts of a template that are one line: dict field of `Written` → text."""
        return {name: str(template[name] or "") for name in ("subject", "email_from", "reply_to")}

    @api.model
    def _body(self, template):
        """Hook: the text of a template that is a page."""
        return str(template.body_html or "")

    @api.model
    def _variables(self, rule):
        """Hook: what the texts of a rule may name beside the customer and the occasion."""
        return {}

    # mails

    @api.model
    def _queue_mails(self, rule, company, due, followup_ids, written):
        """Put the mails of follow-ups into Odoo's queue; each follow-up remembers its message."""
        send_at = self.env["crm.value.manners"]._send_at(company)
        vals_list = [
            {**self._prepare_mail_vals(rule, company, written[row.value_id]), "scheduled_date": send_at} for row in due
        ]
        # sudo: whoever runs the rule need not be allowed to write mails.
        mails = self.env["mail.mail"].sudo().with_context(**QUIET).create(vals_list)
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup followup SET message_id = mail.mail_message_id, summary = said.subject
                     FROM unnest(%s::int[], %s::int[], %s::text[]) AS said(id, mail_id, subject)
                     JOIN mail_mail mail ON mail.id = said.mail_id
                    WHERE followup.id = said.id""",
                [followup_ids[row.value_id] for row in due],
                mails.ids,
                [written[row.value_id].subject for row in due],
            )
        )
        self.env["crm.value.followup"].invalidate_model(["message_id", "summary"])
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger(send_at or None)  # sudo: wakes Odoo's queue

    @api.model
    def _retry(self):
        """Put the mails of follow-ups back into Odoo's queue that no mail server took; nothing of them was sent.

        Odoo itself tries each mail once. One that failed for a reason of its own has that reason (`failure_type`), and
        is left alone.
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT mail.id FROM mail_mail mail
                     JOIN crm_value_followup followup ON followup.message_id = mail.mail_message_id
                    WHERE mail.state = 'exception' AND mail.failure_type IS NULL AND followup.date > %s""",
                fields.Date.today() - _RETRIED_FOR,
            )
        )
        if not rows:
            return
        # sudo: the machine's own mails
        self.env["mail.mail"].sudo().browse([mail_id for [mail_id] in rows]).mark_outgoing()
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        self.env.ref("crm_value_addon.ir_cron_followup").sudo()._trigger(fields.Datetime.now() + _RETRIED_AFTER)

    @api.model
    def _prepare_mail_vals(self, rule, company, text):
        """Return the values of the mail.mail of a written text."""
        url = self._refusal_url(company, text.recipient_id, rule.message_kind_id)
        body = Markup("%s%s") % (Markup(text.body), self._footer(company, rule, text.lang, url))  # nosec B704
        template = rule.mail_template_id.sudo()  # sudo: reads how the template sends
        return {
            "subject": text.subject,
            "body_html": body,
            "body": body,
            "email_from": text.email_from or company.email_formatted,
            "reply_to": text.reply_to or text.email_from or company.email_formatted,
            "author_id": company.partner_id.id,
            "recipient_ids": [(4, text.recipient_id)],
            "model": "res.partner",
            "res_id": text.recipient_id,
            # an automatic message is no talk with the customer: it does not count as a contact
            "message_type": "auto_comment",
            "is_internal": True,
            "auto_delete": template.auto_delete,
            "mail_server_id": template.mail_server_id.id,
            "attachment_ids": [(4, attachment.id) for attachment in template.attachment_ids],
            "headers": repr({"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}),
        }

    @api.model
    def _footer(self, company, rule, lang, url):
        """Return the lines below a mail: who sent it, and how to get no more of these."""
        env = self.with_context(lang=lang).env
        return Markup(
            '<div style="margin-top: 24px; color: #6c757d; font-size: 12px;">%s<br/><a href="%s">%s</a></div>'
        ) % (
            env._("%(company)s sends you this because you are its customer.", company=company.name),
            url,
            env._("No more messages of the kind “%(kind)s”", kind=rule.message_kind_id.with_env(env).name or ""),
        )

    # links

    @api.model
    def _refusal_token(self, partner_id):
        """Return the signature of the link by which a contact chooses its messages."""
        # sudo: nobody but the system reads the secret of the database.
        return hmac(self.env(su=True), "crm_value_addon.messages", partner_id)

    @api.model
    def _refusal_url(self, company, partner_id, kind):
        return f"{company.get_base_url()}/loyalty/messages/{partner_id}/{self._refusal_token(partner_id)}/{kind.id}"

    # trying it out

    @api.model
    def _queue_test(self, rule, company, row, user):
        """Send a user what a customer would read, without storing a follow-up.

        :return: why there is no text for this customer, None when it is sent
        :raise UserError: the database is a neutralised copy
        """
        self.env["crm.value.manners"]._check_may_send()
        written, failed = self._write(rule, rule.mail_template_id, company, [row])
        if failed:
            return failed[row.value_id]
        text = written[row.value_id]
        vals = self._prepare_mail_vals(rule, company, text) | {
            "subject": self.env._("[Test] %(subject)s", subject=text.subject),
            "body_html": Markup("%s%s") % (Markup(text.body), self._footer(company, rule, text.lang, "#")),  # nosec B704
            "recipient_ids": [(4, user.partner_id.id)],
            "model": False,
            "res_id": False,
            "headers": False,
            "auto_delete": True,
        }
        # sudo: the user manages rules and need not be allowed to write mails.
        self.env["mail.mail"].sudo().create(vals | {"body": vals["body_html"]})
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return None
