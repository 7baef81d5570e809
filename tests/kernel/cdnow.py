"""The published split of the CDNOW sample: 39 weeks to fit, 39 weeks to hold out."""

from datetime import date

CALIBRATION_END = date(1997, 9, 30).toordinal()
HOLDOUT_END = date(1998, 6, 30).toordinal()
