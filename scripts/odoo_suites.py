"""Run tests of Odoo on a database, all of them in the finished registry, and write down how each one ended.

    python scripts/odoo_suites.py run DATABASE TAGS RESULT.json [ODOO OPTION…]
    python scripts/odoo_suites.py compare WITHOUT.json WITH.json
    python scripts/odoo_suites.py failed RESULT.json      the tags of the tests that failed, for another run
"""

import json
import re
import sys
from unittest import SkipTest

OK, SKIPPED, FAILED = "ok", "skipped", "failed"


def run(database, tags, path, *options):
    """Run the tests of some tags; the result is a dict: name of the test → [how it ended, the first line of why]."""
    import odoo
    from odoo.tests import HttpCase, loader
    from odoo.tests.result import OdooTestResult
    from odoo.tools import config

    ended = {}

    class Recorder(OdooTestResult):
        def _record(self, test, end, why=""):
            while getattr(test, "test_case", None):  # a subtest counts as its test
                test = test.test_case
            module, description = type(test).__module__, self.getDescription(test)
            of_class = re.search(r"(\w+) \((odoo\.addons\.[\w.]+)\.(\w+)\)", description)
            if of_class:  # a class that could not be set up
                module, description = of_class[2], f"{of_class[1]} of {of_class[3]}"
            name = f"{module.removeprefix('odoo.addons.')}:{description}"
            if ended.get(name, [OK])[0] != FAILED:
                ended[name] = [end, why]

        def addSuccess(self, test):
            super().addSuccess(test)
            self._record(test, OK)

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self._record(test, SKIPPED, reason)

        def logError(self, flavour, test, error):
            super().logError(flavour, test, error)
            self._record(test, FAILED, f"{error[0].__name__}: {error[1]}".splitlines()[0])

    def no_browser(*_args, **_kwargs):
        raise SkipTest("in a browser: not part of this comparison, Debian's package lacks a file that every tour loads")

    make_suite = loader.make_suite
    # All of them when everything is loaded: while a module is loaded, its tests would not see the modules above it.
    loader.make_suite = lambda names, position: make_suite(
        names if position == "post_install" else [], "at_install,post_install")
    loader.OdooTestResult = Recorder
    HttpCase.browser_js = no_browser
    config.parse_config([
        "-d", database, "--db-filter", f"^{database}$", "--test-tags", tags, "--stop-after-init",
        "--max-cron-threads", "0", *options], setup_logging=True)
    odoo.service.server.start(preload=[database], stop=True)
    with open(path, "w") as file:
        json.dump(ended, file, indent=1, sort_keys=True)
    print(summary(ended))


def summary(ended):
    """Return the numbers of tests by end."""
    counts = {end: sum(entry[0] == end for entry in ended.values()) for end in (OK, FAILED, SKIPPED)}
    return ", ".join(f"{count:,} {end}" for end, count in counts.items())


def compare(path_without, path_with):
    """Print what fails with the addon only; return 1 when anything does."""
    without, present = (json.load(open(path)) for path in (path_without, path_with))
    print(f"without the addon: {summary(without)}\nwith the addon:    {summary(present)}")
    worse = {name: entry[1] for name, entry in present.items()
             if entry[0] == FAILED and without.get(name, [OK])[0] != FAILED}
    better = [name for name, entry in without.items() if entry[0] == FAILED and present.get(name, [OK])[0] == OK]
    missing = [name for name, entry in without.items() if entry[0] == OK and present.get(name, [SKIPPED])[0] == SKIPPED]
    for name, why in sorted(worse.items()):
        print(f"fails with the addon only: {name}\n    {why}")
    for name in sorted(missing):
        print(f"does not run with the addon: {name}")
    for name in sorted(better):
        print(f"fails without the addon only: {name}")
    if not worse and not missing:
        print("No test of Odoo fails with the addon that passes without.")
    return bool(worse or missing)


def failed(path):
    """Print the tags of the failed tests; of their whole file where a class could not be set up."""
    tags = set()
    for name, entry in json.load(open(path)).items():
        if entry[0] == FAILED:
            module, _colon, test = name.partition(":")
            file = "/" + module.replace(".", "/") + ".py"
            tags.add(f"*{file}:{test}" if test.count(".") == 1 and " " not in test else f"*{file}")
    print(",".join(sorted(tags)))


if __name__ == "__main__":
    commands = {"run": run, "compare": compare, "failed": failed}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
