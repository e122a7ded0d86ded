# SPDX-License-Identifier: MIT
"""Rounds, ratios, tables and goals of the measurements."""
import os
import statistics

COUNTED = os.environ.get("BENCH") == "counted"  # CPU time is instructions, and the same in each round: counted.py
QUICK = COUNTED or os.environ.get("BENCH") == "quick"
ROUNDS = 1 if COUNTED else 3 if QUICK else 9
goals = []


def goal(what, value, limit, unit="", least=False):
    """Judges one figure; LEAST: it has to be at least LIMIT."""
    held = value is not None and (value >= limit if least else value <= limit)
    sign = "≥" if least else "≤"
    text = "not measured" if value is None else f"{value:,.2f}{unit}"
    goals.append(held)
    print(f"  {'held    ' if held else 'NOT HELD'}  {what}: {text}, goal {sign} {limit:g}{unit}")


def measure(contestants):
    """{name: function} in interleaved rounds -> {name: [what each round found]}."""
    found = {name: [] for name in contestants}
    for turn in range(ROUNDS):
        for name, run in contestants.items():
            if run.__name__ == "seldom" and turn % 3:
                continue
            one = run()
            if one.get("failed"):
                print(f"  {name}: {one['failed']} checks failed")
            if COUNTED:
                one["instructions"] = one.pop("cpu_us") * 1000
            found[name].append(one)
    return found


def seldom(run):
    def seldom():
        return run()
    return seldom


def middle(rounds, key):
    values = [r[key] for r in rounds if r.get(key) is not None]
    return statistics.median(values) if values else None


def ratio(found, a, b):
    """Of A to B, the median over the rounds; by instructions where the machine counts them, else by CPU time."""
    key = "instructions" if all("instructions" in r for r in found[a] + found[b]) else "cpu_us"
    if len(found[a]) == len(found[b]):
        return statistics.median(x[key] / y[key] for x, y in zip(found[a], found[b]))
    return middle(found[a], key) / middle(found[b], key)


def table(title, found):
    """A row for each; columns that nobody fills are left out."""
    def row(name):
        us, instructions, peak = (middle(found[name], key) for key in ("cpu_us", "instructions", "peak_kb"))
        return {"CPU µs": us and f"{us:.1f}", "k instr.": instructions and f"{instructions / 1000:,.1f}", "per s/core": us and f"{1e6 / us:,.0f}",
                "× ours": f"{ratio(found, name, 'quorate'):.2f}", "peak MB": peak and f"{peak / 1024:.1f}"}
    rows = {name: row(name) for name in found}
    heads = [head for head in rows["quorate"] if any(row[head] for row in rows.values())]
    print(f"\n{title}\n  {'':28}" + "".join(f"{head:>12}" for head in heads))
    for name, cells in rows.items():
        print(f"  {name:28}" + "".join(f"{cells[head] or '–':>12}" for head in heads))
