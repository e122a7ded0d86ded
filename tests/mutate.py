#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Mutation test of coordinator/core: changes one thing at a time and sees whether the core's tests notice.

  tests/mutate.py [--seconds N] [--seed N] [--laws] [-j N] [FILE.c[:LINE] …]

Mutants are relational operators, + and -, && and ||, negations, constants by one, true and false, statements left
out. One that the compiler turns into the same code is no mutant. Without --laws: the file's own tests are asked first,
then the other unit tests, property tests and scenarios, until one fails, and for what survives the unit tests again
with sanitizers; prints the survivors, and killed/total of every file. A mutant that runs for longer than it may is
told apart: killed by its time. With --laws: only the property tests run, until every law has killed a mutant; prints
which. All mutants are tried, or with --seconds those that the time allows, in a random order: a fair sample. Needs gcc
and cmocka, nothing else; works in a folder of its own, in memory where there is /dev/shm.
"""
import argparse, concurrent.futures, filecmp, glob, os, random, re, shutil, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORE = sorted(os.path.relpath(f, ROOT) for f in glob.glob(ROOT + "/coordinator/core/*.c"))
BESIDES = ["proto/base/%s.c" % n for n in ("verdict", "reason", "duration", "mem", "log", "clock", "utf8")] + ["probe/tilt.c"]
GCC = ["/usr/bin/gcc", "-pipe", "-std=c11", "-D_GNU_SOURCE", "-I" + ROOT + "/include", "-I" + ROOT, "-w", "-fPIC"]
ASAN = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def of_the_core(source):
    """Whether a test needs nothing but the core."""
    included = re.findall(r'^#include "(.*)"', open(source).read(), re.M)
    return all(re.match(r"coordinator/core/|quorate/|tests/(unit/(watch_kit|ballots)|prop/rng)\.h", i) for i in included) and \
        any("core/" in i or "watch_kit" in i or "ballots" in i for i in included)


TESTS = sorted(f[len(ROOT) + 7:-2] for f in glob.glob(ROOT + "/tests/unit/*_test.c") + glob.glob(ROOT + "/tests/prop/*_prop.c") if of_the_core(f))
UNIT = [t for t in TESTS if t.startswith("unit/")]
PROP = [t for t in TESTS if t.startswith("prop/")]
# Besides tests of the same name, those that know most about a file; they come first.
FIRST = {"burst.c": ["unit/agreement_test", "unit/back_off_test", "unit/suspicion_test"], "rates.c": ["unit/flapping_test"],
         "signals.c": ["unit/thresholds_test", "unit/parents_test", "unit/maintained_test", "unit/flip_test"],
         "tolerance.c": ["prop/quorum_prop"], "watch.c": ["unit/seating_test", "unit/maintained_test"]}
# A test that takes this much longer than without the mutant does not end.
ENDLESS_SECONDS, ENDLESS_FACTOR = 2, 10

SWAPS = [(r"<=", ["<"]), (r">=", [">"]), (r"(?<![<>=!-])<(?![<=])", ["<="]), (r"(?<![<>=!-])>(?![>=])", [">="]),
         (r"==", ["!="]), (r"!=", ["=="]), (r"&&", ["||"]), (r"\|\|", ["&&"]), (r"\+=", ["-="]), (r"\|=", ["="]),
         (r"(?<=\w)\+\+", ["--"]), (r"(?<![+\w]) \+ ", [" - "]), (r"(?<=[\w\])]) \+ (?=[\w(])", [" - "]),
         (r"(?<=[\w\])]) - (?=[\w(])", [" + "]), (r"(?<=[\w\])]) \* (?=[\w(])", [" + "]),
         (r"(?<=[\w\])]) / (?=[\w(])", [" * "]), (r"(?<=[\w\])]) % (?=[\w(])", [" / "]), (r"!(?=[\w(])", [""]),
         (r"\btrue\b", ["false"]), (r"\bfalse\b", ["true"]), (r"(?<![\w.\"])\d+(?![\w.\"])", [None]),
         (r"\bcontinue;", [";"]), (r"\bbreak;", [";"])]


def code_lines(text):
    """(number, line) of what is code: no comments, name tables or assertions; of preprocessor lines, constants only."""
    comment = False
    for n, line in enumerate(text.split("\n")):
        bare = re.sub(r"/\*.*?\*/", lambda m: " " * len(m.group()), line)
        if comment:
            comment = "*/" not in bare
            continue
        if "/*" in bare:
            bare, comment = bare[:bare.index("/*")], True
        stripped = bare.strip()
        if re.match(r"#(?!define \w+ +\d+$)", stripped):
            continue
        if not stripped or '"' in bare or "assert(" in bare or stripped.startswith("//"):
            continue
        if re.match(r"(static|struct|enum|int|bool|const|size_t|void)\b[^=]*[({]?$", stripped) and "=" not in bare:
            continue  # declarations
        yield n, bare


def mutants_of(path):
    text = open(os.path.join(ROOT, path)).read()
    lines = text.split("\n")
    found = []
    for n, bare in code_lines(text):
        for pattern, others in SWAPS:
            for m in re.finditer(pattern, bare):
                for other in others:
                    new = str(int(m.group()) + 1) if other is None else other
                    found.append((n, bare[:m.start()] + new + bare[m.end():]))
        if re.match(r"\t+[\w>*.\[\]() -]+( [+|-]?= .*|\(.*\)|\+\+);$", bare) and not re.match(r"\t+(return|struct|int|bool|enum)", bare):
            found.append((n, re.match(r"\t+", bare).group() + ";"))
    out = []
    for n, new in found:
        if new.strip() != lines[n].strip():
            out.append((path, n, lines[n].strip(), new.strip(), "\n".join(lines[:n] + [new] + lines[n + 1:])))
    return out


class Bench:
    """Every test, built once against a library of the core; a mutant is that library with one object replaced."""

    def __init__(self, folder, flags):
        os.makedirs(folder)
        self.folder, self.flags, self.seconds = folder, flags, {}
        self.sources = {source: open(ROOT + "/" + source).read() for source in CORE + BESIDES}
        self.objects = {source: self.compile(text, flags, source.replace("/", "_")) for source, text in self.sources.items()}
        self.tests = {name: ["/tests/%s.c" % name] for name in TESTS}
        self.tests["sim"] = [f[len(ROOT):] for f in glob.glob(ROOT + "/tests/sim/*.c")]
        self.link("core", list(self.objects.values()))
        for name, sources in self.tests.items():
            subprocess.run([*GCC, *flags, "-o", self.program(name), *[ROOT + f for f in sources], folder + "/core/libcore.so",
                            "-lcmocka"], check=True)

    def program(self, name):
        return "%s/%s" % (self.folder, name.replace("/", "_"))

    def compile(self, text, flags, name):
        """The object's path, None if it is no C; the same code gives the same bytes."""
        out = "%s/%s.o" % (self.folder, name)
        done = subprocess.run([*GCC, *flags, "-c", "-o", out, "-x", "c", "-"], input=text.encode(), capture_output=True)
        return out if done.returncode == 0 else None

    def link(self, name, objects):
        os.makedirs("%s/%s" % (self.folder, name), exist_ok=True)
        subprocess.run([*GCC, *self.flags, "-shared", "-Wl,-soname,libcore.so", "-o", "%s/%s/libcore.so" % (self.folder, name),
                        *objects], check=True)

    def same(self, mutant, flags, tag):
        """Whether it is the same code, compiled with FLAGS."""
        one, other = (self.compile(text, flags, tag + name) for text, name in ((mutant[4], "a"), (self.sources[mutant[0]], "b")))
        return filecmp.cmp(one, other, shallow=False)

    def prepare(self, mutant, tag):
        """Links the library with the mutant in it; False: it is none."""
        obj = self.compile(mutant[4], self.flags, tag)
        if not obj or filecmp.cmp(obj, self.objects[mutant[0]], shallow=False):
            return False
        self.link(tag, [obj if source == mutant[0] else other for source, other in self.objects.items()])
        return True

    def run(self, name, seed, tag):
        """None: it passes; else why not."""
        arguments = sorted(glob.glob(ROOT + "/tests/sim/*.scn")) if name == "sim" else []
        limit = ENDLESS_SECONDS + ENDLESS_FACTOR * self.seconds.get(name, 30)
        try:
            done = subprocess.run([self.program(name), *arguments], capture_output=True, timeout=limit, text=True, errors="replace",
                                  env=dict(os.environ, SEED=str(seed), LD_LIBRARY_PATH="%s/%s" % (self.folder, tag)))
        except subprocess.TimeoutExpired:
            return "timeout"
        if done.returncode == 0:
            return None
        return " ".join(sorted(set(re.findall(r"\[  FAILED  \] (test_\w+)", done.stdout + done.stderr)))) or "crash"

    def rehearse(self, names, seed):
        """Unmutated, everything passes; how long does it take?"""
        for name in names:
            began = time.monotonic()
            why = self.run(name, seed, "core")
            if why:
                sys.exit("%s fails without any mutant: %s" % (name, why))
            self.seconds[name] = time.monotonic() - began


def order(bench, path):
    """All tests, those that know PATH first; the others as quick as they are."""
    name = os.path.basename(path)[:-2]
    first = ["unit/%s_test" % name, "prop/%s_prop" % name, *FIRST.get(name + ".c", [])]
    return [n for n in first if n in bench.tests] + sorted((n for n in bench.tests if n not in first), key=bench.seconds.get)


def judge(bench, careful, mutant, seed, tag):
    """None: no mutant; else what killed it: a test, "timeout", or "" for nothing."""
    if not bench.prepare(mutant, tag):
        return None
    for name in order(bench, mutant[0]):
        why = bench.run(name, seed, tag)
        if why:
            return why if why == "timeout" else name
    if bench.same(mutant, ["-O2"], tag):
        return None
    if careful.prepare(mutant, tag):
        for name in (n for n in order(bench, mutant[0]) if n in UNIT):
            if careful.run(name, seed, tag):
                return name
    return ""


def judge_laws(bench, mutant, seed, tag):
    if not bench.prepare(mutant, tag):
        return []
    return ["%s:%s" % (n, law) for n in PROP for law in (bench.run(n, seed, tag) or "").split()]


def all_laws():
    return {"%s:%s" % (n, law) for n in PROP
            for law in re.findall(r"cmocka_unit_test\((\w+)\)", open("%s/tests/%s.c" % (ROOT, n)).read())}


def wanted(arguments):
    """The mutants of FILE.c or FILE.c:LINE; without arguments, all."""
    names = {os.path.basename(a) for a in arguments}
    return [m for f in CORE for m in mutants_of(f)
            if not names or names & {os.path.basename(f), "%s:%d" % (os.path.basename(f), m[1] + 1)}]


def tell(m):
    return "%s:%d: %s  =>  %s" % (m[0], m[1] + 1, m[2], m[3])


def find_laws(bench, mutants, args, pool):
    """Which mutant shows that a law can fail?"""
    missing, found = all_laws(), {}
    for mutant, laws in pool(lambda m, tag: judge_laws(bench, m, args.seed, tag) if missing else [], mutants):
        for law in laws or []:
            found.setdefault(law, mutant)
            missing.discard(law)
    for law, mutant in sorted(found.items()):
        print("%s\n    %s" % (law, tell(mutant)))
    print("%d of %d laws killed a mutant" % (len(all_laws()) - len(missing), len(all_laws())))
    for law in sorted(missing):
        print("  never: " + law)
    return 1 if missing else 0


def count_killed(bench, careful, mutants, args, pool):
    count = {}  # of a file: mutants, killed by a test, by time, seconds

    def work(mutant, tag):
        began = time.monotonic()
        return judge(bench, careful, mutant, args.seed, tag), time.monotonic() - began

    for mutant, seen in pool(work, mutants):
        if seen is None or seen[0] is None:
            continue
        of_file = count.setdefault(os.path.basename(mutant[0]), [0, 0, 0, 0])
        of_file[0] += 1
        of_file[1] += seen[0] not in ("", "timeout")
        of_file[2] += seen[0] == "timeout"
        of_file[3] += seen[1]
        if seen[0] == "":
            print("survived " + tell(mutant), flush=True)
    count["total"] = [sum(column) for column in zip(*count.values())] or [0, 0, 0, 0]
    print("%-14s %7s %7s %8s %7s %8s" % ("file", "mutants", "killed", "by time", "%", "seconds"))
    for name, (total, killed, by_time, seconds) in sorted(count.items(), key=lambda c: (c[0] == "total", c[0])):
        print("%-14s %7d %7d %8d %7.1f %8.0f" % (name, total, killed + by_time, by_time, 100.0 * (killed + by_time) / max(total, 1), seconds))
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--seconds", type=int, default=0, help="try only what this time allows")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--laws", action="store_true")
    p.add_argument("-j", type=int, default=1)
    p.add_argument("files", nargs="*")
    args = p.parse_args()
    mutants = wanted(args.files)
    if not mutants:
        sys.exit("no mutants: a FILE.c of coordinator/core, or FILE.c:LINE, is meant; they are " + " ".join(map(os.path.basename, CORE)))
    if args.seconds or args.laws:
        random.Random(args.seed).shuffle(mutants)
    folder = tempfile.mkdtemp(prefix="mutate-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    os.environ["TMPDIR"] = folder
    left = []

    def pool(work, items):
        end = time.monotonic() + args.seconds if args.seconds else float("inf")

        def one(mutant):
            if time.monotonic() > end:
                left.append(mutant)
                return mutant, None
            return mutant, work(mutant, "m%d" % threading.get_ident())

        with concurrent.futures.ThreadPoolExecutor(args.j) as threads:
            yield from threads.map(one, items)

    try:
        bench, careful = Bench(folder + "/plain", ["-O1"]), Bench(folder + "/careful", ["-O1", *ASAN])
        bench.rehearse(bench.tests, args.seed)
        careful.rehearse(UNIT, args.seed)
        status = find_laws(bench, mutants, args, pool) if args.laws else count_killed(bench, careful, mutants, args, pool)
    finally:
        shutil.rmtree(folder)
    if left:
        print("%d not tried in time" % len(left))
    return status


sys.exit(main())
