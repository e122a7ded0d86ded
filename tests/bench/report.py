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
    print(f"\n{title}")
    print(f"  {'':28}{'CPU µs':>10}{'k instr.':>10}{'per s/core':>12}{'× ours':>8}{'peak MB':>9}")
    for name, rounds in found.items():
        us, instructions, peak = middle(rounds, "cpu_us"), middle(rounds, "instructions"), middle(rounds, "peak_kb")
        print(f"  {name:28}{f'{us:.1f}' if us else '–':>10}{f'{instructions / 1000:,.1f}' if instructions else '–':>10}"
              f"{f'{1e6 / us:,.0f}' if us else '–':>12}"
              f"{ratio(found, name, 'quorate'):8.2f}{f'{peak / 1024:.1f}' if peak else '–':>9}")
