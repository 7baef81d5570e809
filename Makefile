# Everything lives under .odoo/ and in scripts/; each target is one script.
.DEFAULT_GOAL := help
.PHONY: help run test lint format pot bench load pictures shell clean dist test-odoo test-neighbours audit test-faults

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: ## set up, and serve the demo database on http://localhost:8069 (PORT=, DB=, ODOO_SOURCE=, PGHOST=)
	@scripts/run

test: ## all tests but test-faults; ARGS="PATH -k EXPR" selects, also files outside the checkout
	@scripts/test $(ARGS)

test-faults: ## faults by injection and bad input, which `make test` leaves out (docs/faults.md)
	@scripts/test tests/faults tests/inputs $(ARGS)

lint: ## is it formatted; ruff, mypy, pylint-odoo and bandit
	@scripts/lint

format: ## ruff and prettier format Python, JavaScript, SCSS and XML; CHECK=1 changes nothing
	@scripts/format $(if $(CHECK),--check)

dist: ## wheels and zips of the addons into dist/; CHECK=1 installs what was built and tries it
	@scripts/dist $(if $(CHECK),--check)

test-odoo: ## Odoo's own tests, without and with the addon: the difference (QUICK=1: a part of them; BROWSER=1: those in a browser)
	@scripts/test_odoo $(if $(QUICK),--quick,$(if $(BROWSER),--browser))

test-neighbours: ## the addon beside OCA's addons and Odoo's other apps: our tests and theirs, with and without it (QUICK=1: a part)
	@scripts/test_neighbours $(if $(QUICK),--quick) $(ARGS)

audit: ## are there known vulnerabilities in what the lock files pin? (ADVISORIES=)
	@scripts/setup && .odoo/venv/bin/python scripts/supply_chain.py audit

pot: ## export the texts anew and merge them into the translations (docs/translating.md)
	@scripts/pot

bench: ## 100,000 customers, 1,000,000 invoices: a table of timings beside their bars
	@scripts/bench

load: ## FILE=invoices.csv DB=demo: turn a file of purchases into posted invoices
	@scripts/load "$(FILE)" $(if $(DB),"$(DB)")

pictures: ## the pictures of README, docs/ and the description, taken anew of the demonstration (NAME=)
	@scripts/pictures $(NAME)

shell: ## a Python shell of Odoo on the demo database (DB=)
	@scripts/db lasting demo "$(or $(DB),demo)" && scripts/odoo shell -d "$(or $(DB),demo)"

clean: ## stop the database server and remove .odoo/
	@scripts/clean
