import doctest
import pkgutil
import random
from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module

import numpy as np

from odoo.tests import BaseCase, TransactionCase, tagged
from odoo.tools import SQL

from .. import lib
from ..lib import postgres
from ..lib.postgres import binary_copy
from ..lib.postgres.binary_arrays import copy_out_arrays


@tagged("post_install", "-at_install")
class TestDoctests(BaseCase):
    def test_examples_in_the_docstrings(self):
        attempted = 0
        for package in (lib, postgres):
            for module in pkgutil.iter_modules(package.__path__):
                if not module.ispkg:  # the kernel's examples run without Odoo
                    result = doctest.testmod(import_module(f"{package.__name__}.{module.name}"))
                    self.assertFalse(result.failed, module.name)
                    attempted += result.attempted
        self.assertTrue(attempted)


@tagged("post_install", "-at_install")
class TestPgCopy(TransactionCase):
    def setUp(self):
        super().setUp()
        self.columns = [("money", "numeric"), ("number", "int4"), ("day", "date"), ("share", "float8"), ("yes", "bool")]
        self.env.cr.execute(
            "CREATE TEMP TABLE copied (money numeric, number int4, day date, share float8, yes bool) ON COMMIT DROP"
        )

    def arrays(self, money):
        count = len(money)
        return {
            "money": np.array(money, float),
            "number": np.arange(count),
            "yes": np.arange(count) % 2 == 0,
            "day": np.array([binary_copy.NO_DATE, *range(-20000, 20000)][:count]),
            "share": np.linspace(-1, 1, count),
        }

    def test_money_arrives_to_the_last_decimal(self):
        dice = random.Random(1)
        money = [Decimal(dice.randint(-(10**size), 10**size)) / 100 for size in range(1, 15) for _try in range(40)]
        money += [Decimal(0), Decimal("-0.01"), Decimal("0.01"), Decimal("9999.99"), Decimal("10000")]
        binary_copy.copy_in(self.env.cr, "copied", self.arrays(money), self.columns)
        self.env.cr.execute("SELECT money::text, number, NULLIF(day, '-infinity') FROM copied ORDER BY number")
        rows = self.env.cr.fetchall()
        self.assertEqual([Decimal(row[0]) for row in rows], money)
        self.assertTrue(all(row[0].split(".")[1:] in (["00"], [row[0][-2:]]) for row in rows), "two decimals each")
        self.assertIsNone(rows[0][2])
        self.assertEqual(rows[1][2], date(1970, 1, 1) - timedelta(days=20000))

    def test_what_is_written_is_read(self):
        arrays = self.arrays([1, 2, 3])
        binary_copy.copy_in(self.env.cr, "copied", arrays, self.columns)
        names = [name for name, _kind in self.columns[1:]]
        found = binary_copy.copy_out(self.env.cr, SQL("SELECT number, day, share, yes FROM copied"), self.columns[1:])
        for name in names:
            np.testing.assert_array_equal(found[name], arrays[name])

    def test_many_rows_travel_in_pieces(self):
        arrays = self.arrays(range(12_345))
        binary_copy.copy_in(self.env.cr, "copied", arrays, self.columns)
        found = binary_copy.copy_out(
            self.env.cr,
            SQL("SELECT money::int8 AS money, number, day, share, yes FROM copied"),
            [("money", "int8"), *self.columns[1:]],
        )
        for name, _kind in self.columns:
            np.testing.assert_array_equal(found[name], arrays[name])

    def test_nothing_is_sent_of_what_cannot_travel_as_a_whole(self):
        money = [1.0] * 12_345
        money[-1] = 1e15
        with self.assertRaisesRegex(OverflowError, "1000000000000000"):
            binary_copy.copy_in(self.env.cr, "copied", self.arrays(money), self.columns)
        self.env.cr.execute("SELECT count(*) FROM copied")
        self.assertEqual(self.env.cr.fetchone(), (0,), "the transaction is whole")

    def test_no_rows(self):
        binary_copy.copy_in(self.env.cr, "copied", self.arrays([]), self.columns)
        found = binary_copy.copy_out(self.env.cr, SQL("SELECT number FROM copied"), [("number", "int4")])
        self.assertEqual(len(found["number"]), 0)

    def test_what_cannot_travel_is_named(self):
        for wrong in (float("nan"), float("inf"), 1e15):
            with self.assertRaisesRegex(OverflowError, "money"):
                binary_copy.dump(self.arrays([1, wrong]), self.columns)
        with self.assertRaisesRegex(ValueError, "NULL"):
            binary_copy.copy_out(self.env.cr, SQL("SELECT NULL::int4"), [("number", "int4")])
        with self.assertRaisesRegex(ValueError, "number"):
            binary_copy.copy_out(self.env.cr, SQL("SELECT 1::int8"), [("number", "int4")])

    def test_arrays_arrive_as_one_column(self):
        query = SQL(
            """SELECT array_agg(number) FILTER (WHERE number %% 10 != 7), array_agg(number * 0.5::float8),
                      array_agg(date '2020-01-01' + number) FROM generate_series(0, 99) number GROUP BY number / 10
                ORDER BY number / 10"""
        )
        columns = [("number", "int4"), ("half", "float8"), ("day", "date")]
        found = copy_out_arrays(self.env.cr, query, columns)
        np.testing.assert_array_equal(found["number"], [number for number in range(100) if number % 10 != 7])
        np.testing.assert_array_equal(found["half"], np.arange(100) / 2)
        np.testing.assert_array_equal(found["day"], binary_copy.day_number(date(2020, 1, 1)) + np.arange(100))
        for nothing in ("SELECT NULL::int[]", "SELECT '{}'::int[]", "SELECT '{1}'::int[] WHERE FALSE"):
            found = copy_out_arrays(self.env.cr, SQL(nothing), columns[:1])
            self.assertEqual((len(found["number"]), found["number"].dtype), (0, np.int32), nothing)

    def test_arrays_that_cannot_travel_are_named(self):
        for wrong in ("ARRAY[1, NULL]", "ARRAY[1.5::float8]", "ARRAY[[1, 2], [3, 4]]"):
            with self.assertRaisesRegex(ValueError, "number"):
                copy_out_arrays(self.env.cr, SQL(f"SELECT {wrong}"), [("number", "int4")])

    def test_digest_tells_every_column_apart(self):
        arrays = self.arrays([Decimal("0.1"), Decimal("0.2"), 3])
        before = binary_copy.digest(arrays, self.columns)
        self.assertTrue((before >= 1).all() and (before == np.rint(before)).all() and len(set(before)) == 3)
        share = np.where(arrays["share"] == 0, -0.0, arrays["share"])
        same = arrays | {"money": arrays["money"] + 0.001, "share": share}
        np.testing.assert_array_equal(binary_copy.digest(same, self.columns), before, "they would be stored the same")
        for name, kind in self.columns:
            changed = arrays[name].copy()
            changed[1] = not changed[1] if kind == "bool" else changed[1] + 1
            after = binary_copy.digest(arrays | {name: changed}, self.columns)
            np.testing.assert_array_equal(after == before, [True, False, True], name)
        self.assertFalse((binary_copy.digest(arrays, self.columns[1:]) == before).any(), "a column less")
