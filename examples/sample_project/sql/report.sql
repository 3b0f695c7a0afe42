-- The report is loaded into this table every night.
CREATE TABLE revenue_by_month (
    region  TEXT NOT NULL,
    month   DATE NOT NULL,
    revenue NUMERIC(12, 2) NOT NULL,
    orders  INTEGER NOT NULL,
    PRIMARY KEY (region, month)
);
