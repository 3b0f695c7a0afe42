"""Facts that a user tells in the course of a chat, and how they are asked for many turns later."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """What is told, what is asked later in other words, and what must then be in the prompt."""

    told: str
    asked: str
    value: str


_TABLE = """
our fiscal year starts in April | in which month does the fiscal year begin? | April
the sensor in the cellar is called hygro-7 | what is the name of the cellar sensor? | hygro-7
drop rows where `qty` is negative: returns | what do negative quantities mean? | returns
no, the currency is Danish kroner, not euros | which currency are the prices in? | kroner
let's use polars for the large export | which library did we decide on for the big export? | polars
ARPU means revenue by active subscriber | what does ARPU stand for with us? | active subscriber
the customers file is encoded in cp1252 | what encoding has the customers file? | cp1252
my colleague Ingrid owns the warehouse tables | who looks after the warehouse tables? | Ingrid
the API allows 90 calls a minute | how many calls per minute may I make to the API? | 90
store 114 was closed for renovation in May | why has store 114 no sales in May? | renovation
remember that the random seed is 20417 | which random seed do we use? | 20417
timestamps are in Chicago time | what time zone do the timestamps have? | Chicago
the test set is the last 15 percent by date | how large is the test set? | 15 percent
we agreed to cap outliers at the 98th percentile | at which percentile are outliers capped? | 98th
the report goes to the board on Thursdays | on which day is the report due? | Thursdays
column `kz` holds the licence plate | what is in column kz? | licence plate
always plot with the viridis palette | which palette should the figures have? | viridis
the staging database listens on port 6543 | what port is the staging database on? | 6543
temperatures below -60 are sensor faults | from which temperature on is a reading a fault? | -60
orders and parcels are joined on `shipment_ref` | how do I join orders with parcels? | shipment_ref
weights are in ounces in the American feed | what unit do the American weights have? | ounces
the model to beat has an RMSE of 3.82 | what error has the baseline model? | 3.82
patients under 12 are excluded | which patients are left out? | under 12
the survey uses 99 for a refused answer | how are refusals coded in the survey? | 99
actually the deadline is the 9th of March | when is the deadline? | 9th of March
we call a customer lost after 75 days of silence | when does a customer count as lost? | 75 days
the backup bucket is named larch-archive | which bucket holds the backups? | larch-archive
use a rolling window of 21 days for smoothing | how wide is the smoothing window? | 21 days
the altitude of the station Feldberg is 1493 metres | how high is the station Feldberg? | 1493
the unit tests live in qa/checks | where are the unit tests? | qa/checks
discounts above 40 percent need approval by Marta | who approves large discounts? | Marta
the parser chokes on the file from 2019-08-14 | which file can the parser not read? | 2019-08-14
the holiday calendar is that of Saxony | whose holidays do we take into account? | Saxony
bins for age are 18, 30, 45 and 67 | what are the limits of the age groups? | 45 and 67
the GPU in the lab has 24 gigabytes | how much memory has the lab's graphics card? | 24 gigabytes
the survey was weighted by region and gender | by what was the survey weighted? | region and gender
invoices are numbered with the prefix RX | what prefix do invoice numbers have? | RX
the control group has 2150 members | how many people are in the control group? | 2150
never send the column `ssn` anywhere | which column must never leave? | ssn
the drift alarm fires at a PSI of 0.27 | at what PSI is the drift alarm raised? | 0.27
"""

FACTS = tuple(
    Fact(*(part.strip() for part in line.split(" | "))) for line in _TABLE.strip().splitlines()
)
