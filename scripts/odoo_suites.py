"""Run tests of Odoo on a database, all of them in the finished registry, and write down how each one ended.

    python scripts/odoo_suites.py run DATABASE TAGS RESULT.json [ODOO OPTION…]
    python scripts/odoo_suites.py compare WITHOUT.json WITH.json
    python scripts/odoo_suites.py failed RESULT.json      the tags of the tests that failed, for another run

A result is a dict: name of the test → how it ended, the first line of why, its seconds (the first test of a class has
those of setting it up), and the numbers of queries that it asserts.
"""

import contextlib
import json
import os
import re
import sys
import time
from unittest import SkipTest

OK, SKIPPED, FAILED = "ok", "skipped", "failed"


def now():
    """Return the seconds of a clock that freezegun does not freeze."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def name_of(test, description):
    """Return module:Class.method of a test."""
    module = type(test).__module__
    of_class = re.search(r"(\w+) \((odoo\.addons\.[\w.]+)\.(\w+)\)", description)
    if of_class:  # a class that could not be set up
        module, description = of_class[2], f"{of_class[1]} of {of_class[3]}"
    return f"{module.removeprefix('odoo.addons.')}:{description}"


def recorder(ended):
    """Return Odoo's class of test results, extended so that it writes into a dict."""
    from odoo.tests.result import OdooTestResult

    class Recorder(OdooTestResult):
        _since = now()

        def _entry(self, test):
            while getattr(test, "test_case", None):  # a subtest counts as its test
                test = test.test_case
            return ended.setdefault(
                name_of(test, self.getDescription(test)), {"end": OK, "why": "", "seconds": 0, "queries": []}
            )

        def _record(self, test, end, why=""):
            entry = self._entry(test)
            if entry["end"] != FAILED:
                entry.update(end=end, why=why)

        def stopTest(self, test):
            super().stopTest(test)
            self._entry(test).update(seconds=round(now() - Recorder._since, 1), queries=getattr(test, "_counted", []))
            Recorder._since = now()

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self._record(test, SKIPPED, reason)

        def logError(self, flavour, test, error):
            super().logError(flavour, test, error)
            self._record(test, FAILED, f"{error[0].__name__}: {error[1]}".splitlines()[0])

    return Recorder


def count_queries():
    """Make every assertQueryCount leave its number in the test, also one that is within the limit."""
    from odoo.tests.common import BaseCase

    original = BaseCase.assertQueryCount

    @contextlib.contextmanager
    def counted(test, default=0, flush=True, **counters):
        if flush:
            test.env.flush_all()
            test.env.cr.flush()
        before = test.cr.sql_log_count
        with original(test, default, flush, **counters):
            yield
        if test.warm:
            test._counted = [*getattr(test, "_counted", []), test.cr.sql_log_count - before]

    BaseCase.assertQueryCount = counted


def run(database, tags, path, *options):
    """Run the tests of some tags and write their result; return 1 when there was none."""
    import odoo
    from odoo.tests import HttpCase, loader
    from odoo.tools import config

    ended = {}

    def no_browser(*_args, **_kwargs):
        raise SkipTest("in a browser: only with BROWSER=1")

    make_suite = loader.make_suite
    # All of them when everything is loaded: while a module is loaded, its tests would not see the modules above it.
    loader.make_suite = lambda names, position: make_suite(
        names if position == "post_install" else [], "at_install,post_install"
    )
    loader.OdooTestResult = recorder(ended)
    if "BROWSER" not in os.environ:
        HttpCase.browser_js = no_browser
    count_queries()
    config.parse_config(
        [
            "-d",
            database,
            "--db-filter",
            f"^{database}$",
            "--test-tags",
            tags,
            "--stop-after-init",
            "--max-cron-threads",
            "0",
            *options,
        ],
        setup_logging=True,
    )
    began = now()
    odoo.service.server.start(preload=[database], stop=True)
    with open(path, "w") as file:
        json.dump(ended, file, indent=1, sort_keys=True)
    print(f"{summary(ended)} in {(now() - began) / 60:.1f} minutes; the slowest:")
    for name in sorted(ended, key=lambda name: -ended[name]["seconds"])[:25]:
        print(f"{ended[name]['seconds']:7.1f} s  {name}")
    return not ended


def summary(ended):
    """Return the numbers of tests by end."""
    counts = {end: sum(entry["end"] == end for entry in ended.values()) for end in (OK, FAILED, SKIPPED)}
    return ", ".join(f"{count:,} {end}" for end, count in counts.items())


def _shape(why):
    """Return a reason without ids and amounts."""
    return re.sub(r"\d+", "0", why)


def compare(path_without, path_with):
    """Print what fails with the addon only; return 1 when anything does."""
    without, present = (json.load(open(path)) for path in (path_without, path_with))
    print(f"without the addon: {summary(without)}\nwith the addon:    {summary(present)}")
    before = {name: without.get(name, {"end": OK, "queries": []}) for name in present}
    worse = {name: entry["why"] for name, entry in present.items() if entry["end"] == FAILED != before[name]["end"]}
    better = [name for name, entry in present.items() if entry["end"] == OK and before[name]["end"] == FAILED]
    missing = [
        name
        for name, entry in without.items()
        if entry["end"] == OK and present.get(name, {"end": SKIPPED})["end"] == SKIPPED
    ]
    for name, entry in sorted(present.items()):
        if entry["queries"] != before[name]["queries"] and name in without:
            print(f"queries: {before[name]['queries']} without, {entry['queries']} with the addon: {name}")
    for name, entry in sorted(present.items()):
        # a test that fails anyway may hide a defect of the addon
        if entry["end"] == before[name]["end"] == FAILED and _shape(entry["why"]) != _shape(before[name]["why"]):
            print(f"fails in another way with the addon: {name}\n    {before[name]['why']}\n    {entry['why']}")
    for name, why in sorted(worse.items()):
        print(f"fails with the addon only: {name}\n    {why}")
    for name in sorted(missing):
        print(f"does not run with the addon: {name}")
    for name in sorted(better):
        print(f"fails without the addon only: {name}")
    if not worse and not missing:
        print("No test fails with the addon that passes without.")
    return bool(worse or missing)


def failed(path):
    """Print the tags of the failed tests; of their whole file where a class could not be set up."""
    tags = set()
    for name, entry in json.load(open(path)).items():
        if entry["end"] == FAILED:
            module, _colon, test = name.partition(":")
            file = "/" + module.replace(".", "/") + ".py"
            tags.add(f"*{file}:{test}" if test.count(".") == 1 and " " not in test else f"*{file}")
    print(",".join(sorted(tags)))


if __name__ == "__main__":
    commands = {"run": run, "compare": compare, "failed": failed}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
