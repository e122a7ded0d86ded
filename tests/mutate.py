#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Mutation test of coordinator/core: changes one thing at a time and sees whether the core's tests notice.

  tests/mutate.py [--seconds 900] [--seed N] [--laws] [-j N] [FILE.c …]

Mutants are relational operators, + and -, && and ||, negations, constants by one, true and false, statements left
out. One that the compiler turns into the same code is no mutant. Without --laws: unit tests, scenarios and property
tests are asked until one fails; prints killed/total and the survivors. With --laws: only the property tests run,
until every law has killed a mutant; prints which. Mutants are taken in a random order, so that a run that ends by
its time is a fair sample. Needs gcc and cmocka, nothing else; works in a folder of its own.
"""
import argparse, concurrent.futures, glob, os, random, re, shutil, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORE = sorted(os.path.relpath(f, ROOT) for f in glob.glob(ROOT + "/coordinator/core/*.c"))
VOCABULARY = ["proto/base/%s.c" % n for n in ("verdict", "reason", "duration", "mem", "log", "clock", "utf8")]
ASAN = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CFLAGS = ["-std=c11", "-D_GNU_SOURCE", "-I" + ROOT + "/include", "-I" + ROOT, "-O1", "-w"]
UNIT = ["quorum", "alert", "court", "assign", "watch", "burst", "signals", "failures", "rates", "parents", "budget", "suspicion", "flip", "rehearsal", "quarantine", "sight"]
PROP = ["quorum", "outlook", "assign", "watch", "quarantine"]
# The tests that know most about a file come first.
FIRST = {"quorum.c": ["unit/quorum_test", "prop/quorum_prop"], "alert.c": ["unit/alert_test"],
         "court.c": ["unit/court_test"], "assign.c": ["unit/assign_test", "prop/assign_prop"],
         "watch.c": ["unit/watch_test"], "burst.c": ["unit/burst_test", "unit/suspicion_test"], "flip.c": ["unit/flip_test"], "budget.c": ["unit/budget_test"],
         "rehearsal.c": ["unit/rehearsal_test"], "signals.c": ["unit/signals_test"],
         "failures.c": ["unit/failures_test"], "rates.c": ["unit/rates_test"], "tolerance.c": ["prop/quorum_prop"], "outlook.c": ["prop/outlook_prop"], "parents.c": ["unit/parents_test"],
         "quarantine.c": ["unit/quarantine_test", "prop/quarantine_prop"],
         "sight.c": ["unit/sight_test"]}

SWAPS = [(r"<=", ["<"]), (r">=", [">"]), (r"(?<![<>=!-])<(?![<=])", ["<="]), (r"(?<![<>=!-])>(?![>=])", [">="]),
         (r"==", ["!="]), (r"!=", ["=="]), (r"&&", ["||"]), (r"\|\|", ["&&"]), (r"\+=", ["-="]), (r"\|=", ["="]),
         (r"(?<=\w)\+\+", ["--"]), (r"(?<![+\w]) \+ ", [" - "]), (r"(?<=[\w\])]) \+ (?=[\w(])", [" - "]),
         (r"(?<=[\w\])]) - (?=[\w(])", [" + "]), (r"(?<=[\w\])]) \* (?=[\w(])", [" + "]),
         (r"(?<=[\w\])]) / (?=[\w(])", [" * "]), (r"(?<=[\w\])]) % (?=[\w(])", [" / "]), (r"!(?=[\w(])", [""]),
         (r"\btrue\b", ["false"]), (r"\bfalse\b", ["true"]), (r"(?<![\w.\"])\d+(?![\w.\"])", [None]),
         (r"\bcontinue;", [";"]), (r"\bbreak;", [";"])]


def code_lines(text):
    """(number, line) of what is code: no comments, preprocessor lines, name tables or assertions."""
    comment = False
    for n, line in enumerate(text.split("\n")):
        bare = re.sub(r"/\*.*?\*/", lambda m: " " * len(m.group()), line)
        if comment:
            comment = "*/" not in bare
            continue
        if "/*" in bare:
            bare, comment = bare[:bare.index("/*")], True
        stripped = bare.strip()
        if not stripped or stripped[0] in "#" or '"' in bare or "assert(" in bare or stripped.startswith("//"):
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
    """A folder with every object built once; a mutant replaces one of them."""

    def __init__(self, folder, flags=()):
        os.makedirs(folder)
        self.folder = folder
        self.flags = list(flags)
        self.objects = {}
        self.lock = threading.Lock()
        for source in CORE + VOCABULARY:
            self.objects[source] = self.compile(ROOT + "/" + source, source.replace("/", "_") + ".o")
        self.tests = {}
        for name in ["unit/%s_test" % n for n in UNIT] + ["prop/%s_prop" % n for n in PROP]:
            self.tests[name] = [self.compile("%s/tests/%s.c" % (ROOT, name), name.replace("/", "_") + ".o")]
        self.tests["sim"] = [self.compile(f, "sim_" + os.path.basename(f) + ".o") for f in glob.glob(ROOT + "/tests/sim/*.c")]
        self.code = {source: self.text_of(self.objects[source]) for source in CORE}

    def compile(self, source, name):
        out = os.path.join(self.folder, name)
        done = subprocess.run(["gcc", *CFLAGS, *self.flags, "-c", "-o", out, source], capture_output=True)
        return out if done.returncode == 0 else None

    def text_of(self, obj):
        dump = subprocess.run(["objdump", "-d", "-s", "-j", ".text", "-j", ".rodata", obj], capture_output=True)
        return re.sub(rb"^.*file format.*$", b"", dump.stdout, flags=re.M)

    def run(self, name, mutated, path, seed, tag):
        objects = [mutated if source == path else obj for source, obj in self.objects.items()]
        program = os.path.join(self.folder, "t%s" % tag)
        link = subprocess.run(["gcc", *self.flags, "-o", program, *self.tests[name], *objects, "-lcmocka"], capture_output=True)
        if link.returncode:
            return "does not link"
        arguments = sorted(glob.glob(ROOT + "/tests/sim/*.scn")) if name == "sim" else []
        try:
            done = subprocess.run([program, *arguments], capture_output=True, timeout=60 if self.flags else 20, text=True, errors="replace",
                                  env=dict(os.environ, SEED=str(seed)))
        except subprocess.TimeoutExpired:
            return "timeout"
        if done.returncode == 0:
            return None
        return " ".join(sorted(set(re.findall(r"\[  FAILED  \] (test_\w+)", done.stdout + done.stderr)))) or "crash"


def judge(bench, mutant, args, tag, names=None):
    """None: no mutant; else (survived, what killed it)."""
    path, _, _, _, text = mutant
    source = os.path.join(bench.folder, "m%s.c" % tag)
    with open(source, "w") as f:
        f.write(text)
    obj = bench.compile(source, "m%s.o" % tag)
    if not obj or bench.text_of(obj) == bench.code[path]:
        return None
    if names:
        pass
    elif args.laws:
        names = ["prop/%s_prop" % n for n in PROP]
    else:
        first = FIRST[os.path.basename(path)]
        names = first + [n for n in bench.tests if n not in first]
    killers = []
    for name in names:
        why = bench.run(name, obj, path, args.seed, tag)
        if why and not args.laws:
            return False, name
        if why:
            killers += ["%s:%s" % (name, law) for law in why.split()]
    return not killers, killers


def all_laws():
    return {"prop/%s_prop:%s" % (n, law) for n in PROP
            for law in re.findall(r"cmocka_unit_test\((\w+)\)", open("%s/tests/prop/%s_prop.c" % (ROOT, n)).read())}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--seconds", type=int, default=900)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--laws", action="store_true")
    p.add_argument("-j", type=int, default=1)
    p.add_argument("files", nargs="*")
    args = p.parse_args()
    wanted = [f for f in CORE if not args.files or os.path.basename(f) in [os.path.basename(x) for x in args.files]]
    mutants = [m for f in wanted for m in mutants_of(f)]
    random.Random(args.seed).shuffle(mutants)
    folder = tempfile.mkdtemp(prefix="mutate-")
    end = time.monotonic() + args.seconds
    killed, survivors, left, laws = 0, [], 0, {}
    try:
        bench, careful = Bench(folder + "/plain"), Bench(folder + "/careful", ASAN)
        for name in bench.tests:  # unmutated, everything passes
            why = bench.run(name, bench.objects[CORE[0]], CORE[0], args.seed, 0)
            if why:
                sys.exit("%s fails without any mutant: %s" % (name, why))
        missing = all_laws()

        def work(numbered):
            if time.monotonic() > end or (args.laws and not missing):
                return "left", None
            verdict = judge(bench, numbered[1], args, numbered[0])
            if verdict and verdict[0] and not args.laws:  # a second look with sanitizers
                verdict = judge(careful, numbered[1], args, numbered[0], ["unit/%s_test" % n for n in UNIT])
            return verdict, numbered[1]

        with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
            for verdict, mutant in pool.map(work, enumerate(mutants, 1)):
                if verdict == "left":
                    left += 1
                elif verdict is not None:
                    survived, by = verdict
                    killed += not survived
                    if survived:
                        survivors.append(mutant)
                    for law in by if args.laws else []:
                        laws.setdefault(law, mutant)
                        missing.discard(law)
    finally:
        shutil.rmtree(folder)
    if args.laws:
        for law, m in sorted(laws.items()):
            print("%s\n    %s:%d: %s  =>  %s" % (law, m[0], m[1] + 1, m[2], m[3]))
        print("%d of %d laws killed a mutant" % (len(all_laws()) - len(missing), len(all_laws())))
        for law in sorted(missing):
            print("  never: " + law)
        return 1 if missing else 0
    for path, n, old, new, _ in sorted(survivors):
        print("survived %s:%d: %s  =>  %s" % (path, n + 1, old, new))
    total = killed + len(survivors)
    print("%d of %d mutants killed (%.1f %%)%s" % (killed, total, 100.0 * killed / max(total, 1),
                                                  ", %d not tried in time" % left if left else ""))
    return 0


sys.exit(main())
