"""The demonstration customers: companies and private persons who buy from a coffee supplier.

To show a new feature, add a profile, or an extra to one and a method `_extra_<name>` to the generator.
"""

from dataclasses import dataclass

#: key → (name, type, price, cost); a cost of 0 leaves the margin to the company's margin rate
PRODUCTS = {
    "espresso": ("Espresso Beans, 1 kg", "consu", 24.0, 13.2),
    "filter": ("Filter Beans, 1 kg", "consu", 22.0, 11.8),
    "decaf": ("Decaf Beans, 1 kg", "consu", 26.0, 15.1),
    "oat": ("Oat Drink, 6 x 1 l", "consu", 14.0, 9.6),
    "cups": ("Paper Cups, 1000 pieces", "consu", 68.0, 41.0),
    "cleaner": ("Cleaning Tablets, 100 pieces", "consu", 18.0, 6.5),
    "grinder": ("Coffee Grinder", "consu", 720.0, 465.0),
    "office": ("Office Espresso Machine", "consu", 1890.0, 1310.0),
    "professional": ("Espresso Machine, two groups", "consu", 6400.0, 4650.0),
    "maintenance": ("Machine Maintenance", "service", 180.0, 95.0),
    "training": ("Barista Training", "service", 480.0, 0.0),
}

#: the products of a customer; the first one has the largest share
ASSORTMENTS = {
    "cafe": ("espresso", "oat", "cups", "filter", "cleaner"),
    "office": ("filter", "cups", "espresso", "decaf"),
    "wholesale": ("espresso", "filter", "decaf"),
    "service": ("maintenance", "cleaner"),
    "fitting": ("office", "grinder", "training"),
    "bar": ("professional", "grinder", "training"),
    "home": ("filter", "decaf"),
}


@dataclass(frozen=True)
class Profile:
    """A customer and how it buys; `first` and `last` are days before today, `rhythm` days between purchases."""

    name: str
    kind: str
    country: str
    city: str
    assortment: str = "cafe"
    basket: float = 0.0  # untaxed, per purchase
    rhythm: int = 0
    first: int = 0
    last: int = 0
    yearly_growth: float = 0.0
    contacts: tuple[str, ...] = ()  # empty: a private person
    seller: int = 0  # 0 the administrator, 1 the salesperson
    by_orders: bool = False  # through sale orders, so that the margin comes from their lines
    extras: tuple[str, ...] = ()


def _key_account():
    return [
        Profile(
            "Meridian Hotels Group",
            "key_account",
            "US",
            "Chicago",
            "wholesale",
            7200,
            21,
            725,
            6,
            0.10,
            ("Dana Whitfield", "Luis Ortega", "Priya Raman"),
            by_orders=True,
            extras=("opportunity", "second_company"),
        )
    ]


def _monthly():
    return [
        Profile(
            name,
            "monthly",
            country,
            city,
            assortment,
            basket,
            30,
            first,
            last,
            growth,
            contacts,
            seller,
            by_orders,
            extras,
        )
        for name, country, city, assortment, basket, first, last, growth, contacts, seller, by_orders, extras in (
            ("Corner Lantern Cafés", "US", "Boston", "cafe", 3300, 720, 12, 0.15, ("Ruth Castellan",), 1, False, ()),
            ("Bruggenhuis Koffiebar", "BE", "Gent", "cafe", 2450, 715, 20, 0.05, ("Joke Vandamme",), 0, False, ()),
            (
                "Saint-Gilles Traiteur",
                "BE",
                "Brussels",
                "cafe",
                1850,
                690,
                9,
                0.0,
                ("Hélène Marchal", "Karim Daoudi"),
                1,
                False,
                ("partial_refund",),
            ),
            (
                "Alder & Quill Bookshops",
                "GB",
                "Bristol",
                "cafe",
                1250,
                705,
                15,
                0.10,
                ("Imogen Hartley",),
                0,
                False,
                (),
            ),
            (
                "Kontor Neun GmbH",
                "DE",
                "Hamburg",
                "office",
                980,
                700,
                22,
                0.0,
                ("Annika Petersen",),
                1,
                False,
                ("quotation",),
            ),
            ("Riverside Clinic", "US", "Portland", "office", 860, 660, 8, 0.0, ("Gail Summers",), 0, False, ()),
            (
                "Bloom Street Coworking",
                "US",
                "Austin",
                "office",
                1400,
                540,
                5,
                0.40,
                ("Theo Vance", "Mina Okafor"),
                1,
                False,
                ("opportunity",),
            ),
            ("Atelier Passy", "FR", "Paris", "cafe", 720, 600, 18, 0.0, ("Mathilde Renaud",), 0, False, ()),
            (
                "De Witte Molen BV",
                "NL",
                "Utrecht",
                "office",
                540,
                640,
                27,
                0.0,
                ("Sanne de Groot",),
                1,
                False,
                ("overdue",),
            ),
            ("Prairie Dental", "US", "Omaha", "office", 310, 710, 11, 0.0, ("Walt Lindgren",), 0, False, ()),
            (
                "Café Mirador",
                "MX",
                "Guadalajara",
                "cafe",
                1650,
                480,
                24,
                0.20,
                ("Ximena Duarte",),
                1,
                False,
                ("foreign_currency",),
            ),
            (
                "Harbour Lane Bakery",
                "CA",
                "Halifax",
                "cafe",
                930,
                365,
                16,
                0.10,
                ("Colin MacRae",),
                0,
                False,
                ("full_refund",),
            ),
        )
    ]


def _quarterly():
    return [
        Profile(
            name,
            "quarterly",
            country,
            city,
            assortment,
            basket,
            91,
            first,
            last,
            0.0,
            contacts,
            seller,
            by_orders,
            extras,
        )
        for name, country, city, assortment, basket, first, last, contacts, seller, by_orders, extras in (
            (
                "Northfield University",
                "US",
                "Ann Arbor",
                "office",
                4200,
                710,
                40,
                ("Carol Benning", "Ravi Nair"),
                0,
                True,
                (),
            ),
            ("Lindqvist Arkitekter", "SE", "Malmö", "office", 1150, 700, 62, ("Elin Lindqvist",), 1, False, ()),
            ("Tessuti Moretti", "IT", "Milano", "office", 880, 680, 25, ("Paolo Moretti",), 0, False, ()),
            ("Rhein-Logistik AG", "DE", "Duisburg", "service", 1500, 690, 70, ("Jürgen Falk",), 1, False, ("overdue",)),
            ("Maple Ridge Schools", "CA", "Hamilton", "office", 1900, 640, 33, ("Denise Fortin",), 0, False, ()),
            ("Solano Abogados", "ES", "Sevilla", "office", 420, 700, 50, ("Lucía Solano",), 1, False, ()),
            (
                "Peak Outdoor Club",
                "US",
                "Boulder",
                "cafe",
                640,
                560,
                19,
                ("Jess Thornton",),
                0,
                False,
                ("free_refund",),
            ),
            ("Imprimerie Dubreuil", "FR", "Lyon", "office", 390, 600, 80, ("Serge Dubreuil",), 1, False, ()),
            (
                "Grand Quay Theatre",
                "GB",
                "Liverpool",
                "cafe",
                1350,
                520,
                29,
                ("Marian Cole",),
                0,
                False,
                ("quotation",),
            ),
            ("Vantage Motors", "US", "Detroit", "service", 760, 710, 45, ("Omar Haddad",), 1, False, ()),
            ("Zilverberg Notarissen", "NL", "Leiden", "office", 290, 650, 57, ("Pieter Zilverberg",), 0, False, ()),
            ("Eleanor Fairbanks", "US", "Savannah", "home", 150, 700, 36, (), 1, False, ()),
        )
    ]


def _seasonal():
    return [
        Profile(
            "Summit Lake Resort",
            "seasonal",
            "US",
            "Lake Placid",
            "cafe",
            7800,
            182,
            720,
            170,
            0.05,
            ("Bridget O'Shea",),
        ),
        Profile(
            "Festival Sous les Tilleuls",
            "seasonal",
            "FR",
            "Angers",
            "cafe",
            5100,
            365,
            640,
            275,
            0.0,
            ("Noémie Aubert",),
            1,
        ),
        Profile(
            "Winter Market Association",
            "seasonal",
            "DE",
            "Nürnberg",
            "cafe",
            2600,
            365,
            690,
            325,
            0.0,
            ("Klaus Brandl",),
        ),
    ]


def _slipping():
    return [
        Profile(
            "Copper Kettle Diner",
            "slipping",
            "US",
            "Pittsburgh",
            "cafe",
            1500,
            28,
            700,
            82,
            0.0,
            ("Frank Delgado",),
            1,
            extras=("overdue",),
        ),
        Profile("Studio Ostkreuz", "slipping", "DE", "Berlin", "office", 620, 30, 560, 95, -0.2, ("Mara Winkler",)),
        Profile(
            "Pemberton Insurance",
            "slipping",
            "GB",
            "Leeds",
            "office",
            1100,
            31,
            690,
            110,
            -0.3,
            ("Alan Pemberton", "Sue Mills"),
            1,
        ),
    ]


def _lost():
    return [
        Profile(name, "lost", country, city, assortment, basket, rhythm, first, last, 0.0, contacts, seller)
        for name, country, city, assortment, basket, rhythm, first, last, contacts, seller in (
            ("Old Mill Catering", "US", "Albany", "cafe", 2100, 45, 725, 300, ("Nora Vickers",), 0),
            ("Brasserie du Nord", "BE", "Liège", "cafe", 1400, 30, 720, 410, ("Didier Claes",), 1),
            ("Quantum Leap Startups", "US", "San Jose", "office", 900, 30, 650, 380, ("Kyle Draper",), 0),
            ("Gestoría Puente", "ES", "Bilbao", "office", 350, 60, 700, 340, ("Iker Puente",), 1),
            ("Hotel Seeblick", "AT", "Bregenz", "cafe", 2800, 60, 715, 250, ("Vera Hofer",), 0),
            ("Tinker Toy Museum", "GB", "York", "cafe", 480, 75, 690, 280, ("Arthur Bell",), 1),
            ("Gloria Stanton", "US", "Tucson", "home", 120, 50, 600, 320, (), 0),
        )
    ]


def _new():
    return [
        Profile(
            name, "new", country, city, assortment, basket, rhythm, first, last, 0.0, contacts, seller, False, extras
        )
        for name, country, city, assortment, basket, rhythm, first, last, contacts, seller, extras in (
            ("Juniper & Salt", "US", "Seattle", "cafe", 1750, 28, 80, 10, ("Amara Lowe",), 0, ("down_payment_30",)),
            ("Fabrik Elf", "DE", "Leipzig", "office", 690, 30, 65, 4, ("Tobias Engel",), 1, ("opportunity",)),
            ("La Petite Torréfaction", "FR", "Nantes", "wholesale", 2900, 40, 85, 13, ("Gaëlle Prigent",), 0, ()),
            (
                "Beacon Hill Realty",
                "US",
                "Boston",
                "fitting",
                2200,
                60,
                40,
                40,
                ("Paula Greer",),
                1,
                ("down_payment_100",),
            ),
            ("Oakline Joinery", "GB", "Norwich", "office", 260, 30, 55, 3, ("Ned Farrow",), 0, ()),
            ("Kaffeklubben AS", "NO", "Bergen", "cafe", 1200, 30, 30, 7, ("Ingrid Solheim",), 1, ()),
            ("Marcus Adeyemi", "US", "Atlanta", "home", 95, 30, 20, 20, (), 0, ()),
            ("Yuki Tanabe", "US", "Oakland", "home", 140, 30, 12, 12, (), 1, ()),
        )
    ]


def _one_time():
    return [
        Profile(name, "one_time", country, city, assortment, basket, 0, day, day, 0.0, contacts, seller, False, extras)
        for name, country, city, assortment, basket, day, contacts, seller, extras in (
            ("Trattoria Belforte", "IT", "Torino", "bar", 8300, 470, ("Silvia Belforte",), 0, ("down_payment_30",)),
            ("Redwood Legal", "US", "Sacramento", "fitting", 2600, 390, ("Janet Kim",), 1, ()),
            ("Parish of St Anselm", "GB", "Durham", "fitting", 1890, 520, ("Rev. Hugh Lacey",), 0, ()),
            ("Pop-up Kitchen 27", "NL", "Rotterdam", "cafe", 640, 610, ("Bas Kramer",), 1, ("full_refund",)),
            ("Tom Bradley", "US", "Denver", "fitting", 720, 150, (), 0, ()),
            ("Agnes Holloway", "GB", "Bath", "home", 70, 210, (), 1, ()),
            ("Samir Benali", "FR", "Lille", "home", 110, 330, (), 0, ()),
            ("Rosa Jiménez", "ES", "Cádiz", "home", 48, 440, (), 1, ()),
            ("Peter Nowak", "DE", "Dresden", "home", 85, 560, (), 0, ("partial_refund",)),
            ("Claire Dupont-Leroy", "BE", "Namur", "home", 130, 260, (), 1, ()),
            ("Hank Mercer", "US", "Tulsa", "home", 60, 180, (), 0, ()),
        )
    ]


def _prospects():
    return [
        Profile(
            "Golden Gate Caterers",
            "prospect",
            "US",
            "San Francisco",
            contacts=("Lena Yoo",),
            extras=("opportunity", "quotation"),
        ),
        Profile(
            "Bergmann Hotels",
            "prospect",
            "DE",
            "München",
            contacts=("Uwe Bergmann",),
            seller=1,
            extras=("opportunity",),
        ),
        Profile("Lakeshore Fitness", "prospect", "CA", "Toronto", contacts=("Amy Tremblay",), extras=("quotation",)),
    ]


PROFILES = [
    *_key_account(),
    *_monthly(),
    *_quarterly(),
    *_seasonal(),
    *_slipping(),
    *_lost(),
    *_new(),
    *_one_time(),
    *_prospects(),
]
