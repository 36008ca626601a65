"""What a company pays a month in Azure: list prices, measured counts, three companies, their bills.

`measuring` counts on this machine, `measured` keeps what was counted, `prices` and `companies` are
given, `bill` is pure, and `page` writes it down (docs/cost.md).
"""
