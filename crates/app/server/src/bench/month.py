"""The baseline of N8: the same sums and lines by DuckDB. Arguments: folder, rounds, threads."""
import json
import os
import statistics
import sys
import time

import duckdb

folder, rounds, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
con = duckdb.connect()
con.execute(f"SET threads = {threads}")


def load(table, columns):
    con.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{folder}/{table}.csv', header=false, columns={columns})")


load("deals", {"deal": "UINTEGER", "account": "UINTEGER", "class": "USMALLINT", "volume": "UINTEGER"})
load("accounts", {"account": "UINTEGER", "direct": "UINTEGER"})
load("paths", {"direct": "UINTEGER", "level": "UTINYINT", "partner": "UINTEGER"})
load("rates", {"class": "USMALLINT", "level": "UTINYINT", "k": "UINTEGER"})
levels = range(1, 8)
con.execute(
    "CREATE TABLE wide AS SELECT class, "
    + ", ".join(f"max(CASE WHEN level = {l} THEN k END) AS k{l}" for l in levels)
    + " FROM rates GROUP BY class"
)
con.execute("CREATE TABLE sorted AS SELECT d.* FROM deals d JOIN accounts a USING (account) ORDER BY a.direct, d.account")

# Volumes are hundredths of a lot, rates hundredths of a dollar per lot: a product is in hundredths of
# a cent. Lines are rounded to cents one by one.
AMOUNT = "d.volume * {k}"
CENTS = "(2 * d.volume * {k} + 100) // 200"


EXPRESSIONS = {"exact": AMOUNT, "rounded": CENTS}


def natural(deals, expression):
    return f"""SELECT p.partner, sum({expression.format(k="r.k")}) AS s
        FROM {deals} d JOIN accounts a USING (account) JOIN paths p ON p.direct = a.direct
        JOIN rates r ON r.class = d.class AND r.level = p.level GROUP BY p.partner"""


def tuned(deals, expression):
    sums = ", ".join(f"sum({expression.format(k=f'r.k{l}')}) AS s{l}" for l in levels)
    first = f"SELECT a.direct, {sums} FROM {deals} d JOIN accounts a USING (account) JOIN wide r USING (class) GROUP BY a.direct"
    each = " UNION ALL ".join(f"SELECT direct, {l} AS level, s{l} AS s FROM x" for l in levels)
    return f"""WITH x AS ({first}) SELECT p.partner, sum(y.s) AS s
        FROM ({each}) y JOIN paths p ON p.direct = y.direct AND p.level = y.level GROUP BY p.partner"""


def timed(query):
    took = []
    cpu = 0.0
    for i in range(rounds + 1):
        if i == 1:
            cpu = time.process_time()
        begun = time.perf_counter()
        answer = con.execute(f"SELECT sum(s), count(*) FROM ({query})").fetchone()
        if i > 0:
            took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took), (time.process_time() - cpu) * 1000 / rounds, answer


out = {"version": duckdb.__version__}
for name, deals in [("ungrouped", "deals"), ("grouped", "sorted")]:
    out[name] = {}
    for what, expression in EXPRESSIONS.items():
        n, n_cpu, one = timed(natural(deals, expression))
        t, t_cpu, other = timed(tuned(deals, expression))
        assert one == other, (one, other)
        out[name] |= {f"{what}_natural_ms": n, f"{what}_tuned_ms": t, f"{what}_natural_cpu_ms": n_cpu, f"{what}_tuned_cpu_ms": t_cpu, f"{what}_sum": str(one[0])}

path = os.path.join(folder, "lines.duckdb")
took = []
for _ in range(min(rounds, 3)):
    if os.path.exists(path):
        os.remove(path)
    begun = time.perf_counter()
    con.execute(f"ATTACH '{path}' AS f")
    con.execute(
        f"""CREATE TABLE f.lines AS SELECT d.deal, p.partner, (d.class * 7 + p.level)::UINTEGER AS story, ({CENTS.format(k="r.k")})::UINTEGER AS minor
        FROM sorted d JOIN accounts a USING (account) JOIN paths p ON p.direct = a.direct
        JOIN rates r ON r.class = d.class AND r.level = p.level"""
    )
    con.execute("CHECKPOINT f")
    con.execute("DETACH f")
    took.append((time.perf_counter() - begun) * 1000)
out["grouped"]["lines_ms"] = statistics.median(took)
print(json.dumps(out))
