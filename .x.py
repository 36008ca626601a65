import datetime as dt
import sys

sys.path.insert(0, ".")
import tempfile
from pathlib import Path

from local.company import build_sqlite
from shared.marketing import reading, rules
from shared.recurrence import zone
from tests.company import at

p = Path(tempfile.mkdtemp()) / "c.db"
now = dt.datetime(2026, 11, 30, 7, tzinfo=dt.UTC)
build_sqlite(p, now.date())
url = at(p)
for t, z in enumerate(
    ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Europe/Warsaw", "Asia/Tokyo"], 1
):
    f = reading.figures(url, t, zone.find(z), now)
    print(f)
    for r in rules.recommend(f, [], {}):
        print("   ", r.rule, r.text)
    from sqlalchemy import func, select

    from shared.data.database import reading as rd
    from shared.marketing import queries

    with rd(url) as s:
        print(
            {
                seg.value: s.execute(
                    select(func.count()).select_from(queries.members(t, seg, now, 0).subquery())
                ).scalar_one()
                for seg in rules.Segment
            }
        )
