import psycopg2

from odoo import models
from odoo.exceptions import UserError, ValidationError

from .crm_value_configuration import KINDS, NAMES

_TYPES = {
    "boolean": bool, "integer": int, "float": (int, float), "monetary": (int, float), "char": str, "text": str,
    "html": str, "selection": str, "date": str, "datetime": str,
}
_PROBLEMS_SHOWN = 20


class CrmValueConfiguration(models.TransientModel):
    """Reading the file."""

    _inherit = "crm.value.configuration"

    def _import(self, data):
        """Write what differs from the data, with the rights of the user.

        :return: list of (kind of record, its name, what changes in words or "")
        :raise UserError: what is missing or wrong, all of it at once
        """
        found, problems = {}, []
        self._find_all(data["records"], found, problems)
        if problems:
            raise UserError(self.env._("Nothing was imported:") + "\n" + "\n".join(problems[:_PROBLEMS_SHOWN]))
        by_kind = {kind: [record for record in data["records"] if record["model"] == kind] for kind in KINDS}
        try:
            report = [self._import_settings(data["settings"], found, problems)]
            report += self._remove_missing(by_kind, found)
            report += self._clear_criteria(by_kind["crm.value.tier.criterion"], found)
            for kind in KINDS:
                for record in by_kind[kind]:
                    report.append(self._import_record(record, found, problems))
                if kind == "crm.value.tier.criterion":
                    self._create_criteria(by_kind[kind], found, problems)
            self.env.flush_all()
        except (ValidationError, ValueError, TypeError, psycopg2.DataError) as error:
            # A constraint of the database is not caught: Odoo itself has the sentence for it.
            if not problems:
                raise UserError(self.env._("The file cannot be imported: %(reason)s", reason=error)) from error
        if problems:
            more = len(problems) - _PROBLEMS_SHOWN
            shown = problems[:_PROBLEMS_SHOWN] + ([self.env._("… and %(count)s more", count=more)] if more > 0 else [])
            raise UserError(self.env._("Nothing was imported:") + "\n" + "\n".join(shown))
        return report

    def _find_all(self, records, found, problems):
        """Find the records that are here already, by XML id, else by what tells two of them apart."""
        for kind, key in KINDS.items():
            for record in (record for record in records if record["model"] == kind):
                name = record.get("id")
                if not isinstance(name, str) or name in found:
                    problems.append(self.env._("A record of the file has no name of its own: %(name)s", name=name))
                    continue
                found[name] = self._find(kind, key, record, found, problems)

    def _find(self, kind, key, record, found, problems):
        model = self.env[kind].with_context(active_test=False)
        by_xmlid = self._by_xmlid(kind, record.get("xmlid"))
        if by_xmlid:
            return by_xmlid
        domain = []
        if "company_id" in model._fields:
            domain.append(("company_id", "=", self.company_id.id if record.get("of_company") else False))
        for name in key:
            value = self._convert(model, name, record["values"].get(name, False), found, [])
            if isinstance(value, dict):
                value = value.get("en_US")
            if value is None:
                return model  # it hangs on a record that is new
            domain.append((name, "=", value))
        return model.with_context(lang="en_US").search(domain, limit=1).with_env(self.env)

    def _by_xmlid(self, model_name, xmlid):
        record = self.env.ref(xmlid, raise_if_not_found=False) if isinstance(xmlid, str) and "." in xmlid else None
        return record if record is not None and record._name == model_name else self.env[model_name]

    def _import_settings(self, settings, found, problems):
        known, vals = set(self._carried_settings()), {}
        for name, value in settings.items():
            if name not in known:
                problems.append(self.env._("The setting %(name)s is not known here.", name=name))
                continue
            # settings may point at records that the file creates: none does today, so they are read first
            vals[name] = self._convert(self.company_id, name, value, found, problems)
        changed = self._difference(self.company_id, vals)
        details = changed and not problems and self._describe_changes(self.company_id, changed)
        if details:
            if not self.company_id.has_access("write"):
                problems.append(self.env._("The settings differ, and only an administrator may change them: %(names)s",
                                           names=self._labels(self.company_id, changed)))
            else:
                self._write(self.company_id, changed)
        return self.env._("Settings"), False, details

    def _import_record(self, record, found, problems):
        kind, model = record["model"], self.env[record["model"]]
        target = found.get(record["id"])
        if kind == "crm.value.tier.criterion" and not target:
            return model._description, self._name_of(record), ""
        allowed, vals = set(self._carried_fields(model)), {}
        for name, value in record["values"].items():
            if name not in allowed:
                problems.append(self.env._(
                    "%(kind)s: the field %(name)s is not known here.", kind=model._description, name=name))
                continue
            vals[name] = self._convert(model, name, value, found, problems)
        name = self._name_of(record)
        if problems:
            return model._description, name, ""
        if target:
            changed = self._difference(target, vals)
            details = changed and self._describe_changes(target, changed)
            self._write(target, changed)
            return model._description, name, details
        if "company_id" in model._fields and kind != "crm.value.benefit":
            vals["company_id"] = self.company_id.id if record.get("of_company") else False
        found[record["id"]] = created = model.create({
            field: value["en_US"] if isinstance(value, dict) else value for field, value in vals.items()})
        self._write(created, {field: value for field, value in vals.items() if isinstance(value, dict)})
        return model._description, name, self.env._("new")

    def _remove_missing(self, by_kind, found):
        """Remove the criteria and benefits of the file's tiers that the file does not have."""
        report = []
        tiers = self.env["crm.value.tier"].union(*(found[record["id"]] for record in by_kind["crm.value.tier"]))
        for kind in ("crm.value.tier.criterion", "crm.value.benefit"):
            gone = self.env[kind].search([("tier_id", "in", tiers.ids)]) - self.env[kind].union(
                *(found[record["id"]] for record in by_kind[kind]))
            if kind == "crm.value.benefit":
                gone = gone.filtered(lambda line: line.company_id in (self.company_id, line.company_id.browse()))
                gone.filtered("grant_count").active = False  # what was given for it stays
            report += [(gone._description, line.display_name, self.env._("removed")) for line in gone]
            gone.filtered(lambda line: "grant_count" not in line._fields or not line.grant_count).unlink()
        return report

    def _clear_criteria(self, records, found):
        """Delete the criteria that change: with half of the new thresholds no ladder of tiers is in order."""
        report, outdated = [], self.env["crm.value.tier.criterion"]
        for record in records:
            target = found[record["id"]]
            vals = {name: self._convert(target, name, record["values"].get(name, False), found, [])
                    for name in ("metric", "enter_min", "keep_min")}
            changed = self._difference(target, vals) if target else vals
            if changed:
                report.append((target._description, self._name_of(record),
                               self._describe_changes(target, changed) if target else self.env._("new")))
                outdated += target
                found[record["id"]] = target.browse()
        outdated.unlink()
        return report

    def _create_criteria(self, records, found, problems):
        """Create the criteria that are not there, all at once, so that they are judged together."""
        model = self.env["crm.value.tier.criterion"]
        new = [record for record in records if not found[record["id"]]]
        vals_list = [{name: self._convert(model, name, value, found, problems)
                      for name, value in record["values"].items() if name in self._carried_fields(model)}
                     for record in new]
        if not problems:
            model.create(vals_list)

    # values

    def _convert(self, model, name, value, found, problems):
        """Return a value of the file as the ORM takes it; texts in several languages stay a dict."""
        field = model._fields[name]
        if field.type == "many2one":
            return self._resolve(field, value, found, problems)
        if value is None or value is False:
            if field.required and field.type != "boolean":
                problems.append(self.env._("%(kind)s: %(field)s is missing.", kind=model._description,
                                           field=field.get_description(self.env, ["string"])["string"]))
            return False
        texts = list(value.values()) if field.translate and isinstance(value, dict) and "en_US" in value else [value]
        fits = all(isinstance(text, _TYPES.get(field.type, ())) for text in texts)
        if isinstance(value, bool) != (field.type == "boolean"):
            fits = False
        if fits and field.type == "selection":
            fits = value in field.get_values(self.env)
        if not fits:
            problems.append(self.env._(
                "%(kind)s, %(field)s: “%(value)s” is no possible value.", kind=model._description,
                field=field.get_description(self.env, ["string"])["string"], value=str(value)[:50]))
            return False
        return value

    def _resolve(self, field, value, found, problems):
        """Return the id of the record that a reference names, None for one that the file will create."""
        if not value:
            return False
        if not isinstance(value, dict) or value.get("model") != field.comodel_name:
            problems.append(self.env._("A reference of the file is damaged: %(value)s", value=str(value)[:100]))
            return False
        if "id" in value:
            return (found.get(value["id"]) or self.env[field.comodel_name]).id or None
        by_xmlid = self._by_xmlid(field.comodel_name, value.get("xmlid"))
        if by_xmlid:
            return by_xmlid.id
        return self._by_name(field.comodel_name, value.get("name"), problems)

    def _by_name(self, model_name, name, problems):
        model = self.env[model_name]
        domain = [(NAMES.get(model_name, model._rec_name), "=", name)]
        if "company_id" in model._fields and model_name != "res.users":
            domain.append(("company_id", "in", [False, self.company_id.id]))
        records = model.search(domain, limit=2)
        if len(records) == 1:
            return records.id
        if records:
            problems.append(self.env._(
                "%(kind)s: several are called “%(name)s”; rename all but one.", kind=model._description, name=name))
        else:
            problems.append(self.env._(
                "%(kind)s: there is no “%(name)s” here; create it first.", kind=model._description, name=name))
        return False

    def _difference(self, record, vals):
        """Return those of the values that differ from the record's."""
        return {name: value for name, value in vals.items() if not self._is_same(record, name, value)}

    def _is_same(self, record, name, value):
        field = record._fields[name]
        if isinstance(value, dict):
            return all((record.with_context(lang=code)[name] or "") == text
                       for code, text in value.items() if code in self._languages())
        here = record[name]
        if field.type == "many2one":
            return here.id == value
        if field.type in ("float", "monetary"):
            return abs(here - (value or 0.0)) < 1e-6
        if field.type in ("date", "datetime"):
            return (here and field.to_string(here)) == value
        return (here or False) == (value or False)

    def _languages(self):
        return {code for code, _name in self.env["res.lang"].get_installed()}

    def _write(self, record, vals):
        if not vals:
            return
        for code in sorted(self._languages(), key=lambda code: code != "en_US"):
            texts = {name: value[code] for name, value in vals.items() if isinstance(value, dict) and code in value}
            if texts:
                record.with_context(lang=code).write(texts)
        record.write({name: value for name, value in vals.items() if not isinstance(value, dict)})

    def _describe_changes(self, record, vals):
        """Return what changes in a record, short values from what to what."""
        parts = []
        for name, value in vals.items():
            field, label = record._fields[name], self._labels(record, [name])
            old, new = record[name], value
            if field.type == "many2one":
                old, new = old.display_name or "–", self.env[field.comodel_name].browse(value or []).display_name or "–"
            elif field.type == "selection":
                words = dict(field._description_selection(self.env))
                old, new = words.get(old, "–"), words.get(new, "–")
            elif field.type in ("char", "text", "html"):
                parts.append(label)
                continue
            parts.append(f"{label} {old} → {new}")
        return ", ".join(parts)

    def _labels(self, record, names):
        fields_here = record.fields_get(list(names), ["string"])
        return ", ".join(fields_here[name]["string"] for name in names if name in fields_here)

    def _name_of(self, record):
        name = record["values"].get("name") or record["values"].get("metric") or record["values"].get("benefit_type")
        return name.get("en_US", "") if isinstance(name, dict) else name or ""
