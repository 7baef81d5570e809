from dataclasses import replace

import psycopg2

from odoo import api, models
from odoo.exceptions import UserError, ValidationError

from .configuration_file import KINDS, Import, carried_fields, carried_settings

_PROBLEMS_SHOWN = 20


class CrmValueConfigurationImport(models.AbstractModel):
    """Writes the differences between a configuration file and a company, with the rights of the user.

    How to use: `_import` the data of a file; a caller that wants a preview rolls it back.

    How it works: `_find_all` matches the records of the file with those here, by XML id or by the fields that tell them
    apart. Values are converted (`crm.value.configuration.converter`) and compared, and only differences are written.
    Problems are collected, so that the user reads all of them at once. Criteria with a new threshold are deleted and
    created again together, because half of the new thresholds would leave the tiers out of order.
    """

    _name = "crm.value.configuration.import"
    _description = "Customer Value Configuration: Import"

    @api.model
    def _import(self, company, data):
        """Write the differences between the data and a company.

        :return: list of (kind of record, its name, its changes in words or "")
        :raise UserError: what is missing or wrong, all of it at once
        """
        job = Import(company)
        self._find_all(job, data["records"])
        self._raise_problems(job)
        try:
            report = self._write_all(job, data)
            self.env.flush_all()
        except (ValidationError, ValueError, TypeError, psycopg2.DataError) as error:
            # Odoo itself explains a constraint of the database, which is not caught here.
            self._raise_problems(job)
            raise UserError(self.env._("The file cannot be imported: %(reason)s", reason=error)) from error
        self._raise_problems(job)
        return report

    @api.model
    def _raise_problems(self, job):
        if not job.problems:
            return
        shown = job.problems[:_PROBLEMS_SHOWN]
        more = len(job.problems) - len(shown)
        if more:
            shown.append(self.env._("… and %(count)s more", count=more))
        raise UserError(self.env._("Nothing was imported:") + "\n" + "\n".join(shown))

    @api.model
    def _write_all(self, job, data):
        by_kind = {kind: [record for record in data["records"] if record["model"] == kind] for kind in KINDS}
        report = [self._import_settings(job, data["settings"])]
        report += self._remove_missing(job, by_kind)
        report += self._clear_criteria(job, by_kind["crm.value.tier.criterion"])
        for kind, records in by_kind.items():
            report += [self._import_record(job, record) for record in records]
            if kind == "crm.value.tier.criterion":
                self._create_criteria(job, records)
        return report

    # finding records

    @api.model
    def _find_all(self, job, records):
        """Find the records that are here already, by XML id, else by the fields that tell two of them apart."""
        for kind, key in KINDS.items():
            for record in (record for record in records if record["model"] == kind):
                name = record.get("id")
                if not isinstance(name, str) or name in job.found:
                    job.problems.append(self.env._("A record of the file has no name of its own: %(name)s", name=name))
                    continue
                job.found[name] = self._find(job, kind, key, record)

    @api.model
    def _find(self, job, kind, key, record):
        model = self.env[kind].with_context(active_test=False)
        by_xmlid = self.env["crm.value.configuration.converter"]._by_xmlid(kind, record.get("xmlid"))
        if by_xmlid:
            return by_xmlid
        domain = []
        if "company_id" in model._fields:
            # sudo: a branch uses what its parents have, whether or not the user may see these
            owners = job.company.sudo().parent_ids.ids if record.get("of_company") else [False]
            domain.append(("company_id", "in", owners))
        Converter, unreported = self.env["crm.value.configuration.converter"], replace(job, problems=[])
        for name in key:
            value = Converter._convert(unreported, model, name, record["values"].get(name, False))
            if isinstance(value, dict):
                value = value.get("en_US")
            if value is None:
                return model  # the record belongs to one that is new
            domain.append((name, "=", value))
        found = model.with_context(lang="en_US").search(domain).with_env(self.env)
        return (found.filtered(lambda own: "company_id" in own and own.company_id == job.company) or found)[:1]

    @api.model
    def _company_id(self, job, record):
        return job.company.id if record.get("of_company") else False

    # writing records

    @api.model
    def _import_settings(self, job, settings):
        company = job.company
        known, vals = set(carried_settings(company)), {}
        for name, value in settings.items():
            if name not in known:
                job.problems.append(self.env._("The setting %(name)s is not known here.", name=name))
                continue
            # No setting refers to a record that the file creates, so that settings can be read first.
            vals[name] = self.env["crm.value.configuration.converter"]._convert(job, company, name, value)
        changed = self._difference(company, vals)
        details = changed and not job.problems and self._describe_changes(company, changed)
        if details:
            if not company.has_access("write"):
                job.problems.append(
                    self.env._(
                        "The settings differ, and only an administrator may change them: %(names)s",
                        names=self._labels(company, changed),
                    )
                )
            else:
                self._write(company, changed)
        return self.env._("Settings"), False, details

    @api.model
    def _import_record(self, job, record):
        """Write a record of the file and return its line of the report; `_create_criteria` creates the criteria."""
        model, target = self.env[record["model"]], job.found[record["id"]]
        name, details = self._name_of(record), ""
        if target or model._name != "crm.value.tier.criterion":
            vals = self.env["crm.value.configuration.converter"]._convert_values(job, model, record["values"])
            if not job.problems:
                details = self._update(target, vals) if target else self._create(job, model, record, vals)
        return model._description, name, details

    @api.model
    def _update(self, target, vals):
        changed = self._difference(target, vals)
        details = changed and self._describe_changes(target, changed)
        self._write(target, changed)
        return details

    @api.model
    def _create(self, job, model, record, vals):
        if "company_id" in model._fields and model._name != "crm.value.benefit":
            vals["company_id"] = self._company_id(job, record)
        created = model.create(
            {field: value["en_US"] if isinstance(value, dict) else value for field, value in vals.items()}
        )
        job.found[record["id"]] = created
        self._write(created, {field: value for field, value in vals.items() if isinstance(value, dict)})
        return self.env._("new")

    @api.model
    def _write(self, record, vals):
        if not vals:
            return
        for code in sorted(self._languages(), key=lambda code: code != "en_US"):
            texts = {name: value[code] for name, value in vals.items() if isinstance(value, dict) and code in value}
            if texts:
                record.with_context(lang=code).write(texts)
        record.write({name: value for name, value in vals.items() if not isinstance(value, dict)})

    @api.model
    def _remove_missing(self, job, by_kind):
        """Remove the criteria and benefits that the tiers of the file do not have in the file."""
        report = []
        tiers = self.env["crm.value.tier"].union(*(job.found[record["id"]] for record in by_kind["crm.value.tier"]))
        for kind in ("crm.value.tier.criterion", "crm.value.benefit"):
            gone = self.env[kind].search([("tier_id", "in", tiers.ids)]) - self.env[kind].union(
                *(job.found[record["id"]] for record in by_kind[kind])
            )
            if kind == "crm.value.benefit":
                gone = gone.filtered(lambda benefit: benefit.company_id in (job.company, job.company.browse()))
            report += [(gone._description, record.display_name, self.env._("removed")) for record in gone]
            self._remove(gone)
        return report

    @api.model
    def _remove(self, records):
        """Delete records; a benefit with gifts is archived, because its gifts stay."""
        if "grant_count" in records._fields:
            granted = records.filtered("grant_count")
            granted.active = False
            records -= granted
        records.unlink()

    @api.model
    def _clear_criteria(self, job, records):
        """Delete the criteria that change (`_create_criteria` creates them again)."""
        report, outdated = [], self.env["crm.value.tier.criterion"]
        Converter, unreported = self.env["crm.value.configuration.converter"], replace(job, problems=[])
        for record in records:
            target = job.found[record["id"]]
            vals = {
                name: Converter._convert(unreported, target, name, record["values"].get(name, False))
                for name in ("metric", "enter_min", "keep_min")
            }
            changed = self._difference(target, vals) if target else vals
            if changed:
                report.append(
                    (
                        target._description,
                        self._name_of(record),
                        self._describe_changes(target, changed) if target else self.env._("new"),
                    )
                )
                outdated += target
                job.found[record["id"]] = target.browse()
        outdated.unlink()
        return report

    @api.model
    def _create_criteria(self, job, records):
        """Create the new criteria all at once, so that their thresholds are checked together."""
        model, Converter = self.env["crm.value.tier.criterion"], self.env["crm.value.configuration.converter"]
        known = set(carried_fields(model))
        vals_list = [
            {
                name: Converter._convert(job, model, name, value)
                for name, value in record["values"].items()
                if name in known
            }
            for record in records
            if not job.found[record["id"]]
        ]
        if not job.problems:
            model.create(vals_list)

    # values

    @api.model
    def _difference(self, record, vals):
        """Return those of the values that differ from the record's."""
        return {name: value for name, value in vals.items() if not self._is_same(record, name, value)}

    @api.model
    def _is_same(self, record, name, value):
        if isinstance(value, dict):
            return self._are_same_texts(record, name, value)
        field, here = record._fields[name], record[name]
        if field.type == "many2one":
            return here.id == value
        if field.type in ("float", "monetary"):
            return abs(here - (value or 0.0)) < 1e-6
        if field.type in ("date", "datetime"):
            return (here and field.to_string(here)) == value
        return (here or False) == (value or False)

    @api.model
    def _are_same_texts(self, record, name, texts):
        installed = self._languages()
        return all(
            (record.with_context(lang=code)[name] or "") == text for code, text in texts.items() if code in installed
        )

    @api.model
    def _languages(self):
        return {code for code, _name in self.env["res.lang"].get_installed()}

    # words

    @api.model
    def _describe_changes(self, record, vals):
        """Return the changes of a record in words; short values with the old and the new one."""
        changes = []
        for name, value in vals.items():
            field, label = record._fields[name], self._labels(record, [name])
            if field.type in ("char", "text", "html"):
                changes.append(label)
                continue
            old, new = record[name], value
            if field.type == "many2one":
                old, new = old.display_name or "–", self.env[field.comodel_name].browse(value or []).display_name or "–"
            elif field.type == "selection":
                words = dict(field._description_selection(self.env))
                old, new = words.get(old, "–"), words.get(new, "–")
            changes.append(f"{label} {old} → {new}")
        return ", ".join(changes)

    @api.model
    def _labels(self, record, names):
        described = record.fields_get(list(names), ["string"])
        return ", ".join(described[name]["string"] for name in names if name in described)

    @api.model
    def _name_of(self, record):
        values = record["values"]
        name = values.get("name") or values.get("metric") or values.get("benefit_type")
        return name.get("en_US", "") if isinstance(name, dict) else name or ""
