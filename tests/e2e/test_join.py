# SPDX-License-Identifier: MIT
"""Enrolment and a probe's life, with real programs: join strings, tokens, draining, twins, removal."""
import base64
import json
import os
import signal
import stat
import subprocess
import time

from lab import BUILD, REGIONS, Child, check, equal, free_port, read, wait_for, write
from peers import Network, Squid, certificates, run


def door_coordinator(lab, **door):
    """A coordinator with a door on a port of its own."""
    port = free_port()
    return lab.coordinator(door={"listen": f"127.0.0.1:{port}", "addresses": [f"127.0.0.1:{port}"], **door}).start()


class Joined(Child):
    """A probe that has only joined: its configuration says nothing of name, token or coordinator."""

    def __init__(self, lab, folder, prefix=(), **conf):
        self.dir = lab.file(folder)
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        self.token_file = os.path.join(self.dir, "token")
        self.path = write(lab.file(folder + ".yml"), "\n".join(
            [f"state_dir: {self.dir}", f"token_file: {self.token_file}", "allow: [127.0.0.0/8]", "min_interval: 1s",
             *(f"{key}: {value}" for key, value in conf.items())]) + "\n")
        super().__init__(lab, folder, [os.path.join(BUILD, "quorate-probe"), "-c", self.path], prefix=prefix)

    def join(self, line, *options, stdin=True):
        """Runs `quorate-probe join`, the line on standard input: its CompletedProcess."""
        argv = [*self.prefix, self.argv[0], "join", "-c", self.path, *options]
        done = subprocess.run(argv, env=self.lab.env, input=line if stdin else "", capture_output=True, text=True, timeout=30)
        check(not line.strip() or line.strip() not in done.stdout + done.stderr, "the join string was printed again")
        return done

    def token(self):
        return self.lab.secret(read(self.token_file).strip())


def add(lab, coordinator, name, region, *options):
    """`quorate probe add`: the join string, which is all there is on standard output."""
    done = lab.cli(coordinator, "probe", "add", name, "--region", region, *options)
    equal(done.returncode, 0, done.stderr)
    return line_of(lab, done)


def line_of(lab, done):
    check(done.stdout.startswith("quorate-join-1:") and done.stdout.count("\n") == 1, f"not one line: {done.stdout!r}")
    lab.secret(done.stdout.strip())
    return done.stdout


def standing(coordinator, name):
    return coordinator.api.must("GET", f"/api/v1/probes/{name}")["standing"]


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_join_waiting(lab):
    """A probe that a service manager started before anybody joined it waits, says so, and begins by itself; SIGTERM ends it."""
    c = door_coordinator(lab)
    lab.regions(c)
    p = Joined(lab, "tokyo-1")
    p.argv.append("--wait")
    equal(subprocess.run([*p.argv, "--check-config"], env=lab.env, capture_output=True, text=True).stdout,
          f"{p.path}: ok; this machine has not joined yet\n", "--wait --check-config")
    p.start()
    wait_for(lambda: "probe.waiting" in p.text() and "quorate-probe join" in p.text(), "the probe to say that it waits")
    p.signal(signal.SIGUSR1)
    wait_for(lambda: p.text().count("log.level") == 1, "SIGUSR1 to be obeyed while it waits")
    equal(p.stop(), 0, "the exit code while it waits")
    p.start()
    equal(p.join(add(lab, c, p.name, REGIONS["tokyo"])).returncode, 0, "join")
    p.token()
    wait_for(lambda: standing(c, p.name) == "voting", "the probe to begin by itself")
    equal(p.stop(), 0, "the exit code")


test_join_waiting.seconds = 3


def test_join(lab):
    """Probes join with one line each and vote; a line works once, in time, for its probe; secrets stay where they belong."""
    c = door_coordinator(lab)
    lab.regions(c)
    probes = []
    for city, region in REGIONS.items():
        p = Joined(lab, f"{city}-1")
        line = add(lab, c, p.name, region)
        done = p.join(line)
        equal((done.returncode, done.stderr), (0, ""), "join")
        equal((mode(p.token_file), mode(os.path.join(p.dir, "coordinator.json"))), (0o600, 0o600), "modes")
        equal(sorted(os.listdir(p.dir)), ["coordinator.json", "token"], "files that joining left")
        token = p.token()
        equal(p.join(line).returncode, 0, "the same line again")
        equal(p.token(), token, "the token after joining again")
        probes.append(p)
    other = Joined(lab, "thief")
    done = other.join(line)
    check(done.returncode == 1 and "used already" in done.stderr, f"somebody else with a used line: {done}")
    check(not os.path.exists(other.token_file), "a refused probe has a token")
    for p in probes:
        p.start()
    lab.wait_connected(c, *probes)
    m = lab.monitor(c, "web", "tcp", f"127.0.0.1:{c.port}")
    lab.wait_state(c, m, "up")
    wait_for(lambda: {v["probe"] for v in c.explain(m)["votes"] if v["fate"] == "counted"} == {p.name for p in probes}, "three votes")
    secrets = [p.token() for p in probes]
    for root, _, files in os.walk(c.dir):
        for name in files:
            path = os.path.join(root, name)
            if not stat.S_ISREG(os.stat(path).st_mode):
                continue
            with open(path, "rb") as f:
                data = f.read()
            check(not any(s.encode() in data for s in secrets), f"a token is in {name}")
            check(b"qj_" not in data, f"a secret of a join string is in {name}")


def test_join_refusals(lab):
    """A line that is damaged, expired, for another probe or given as an argument changes nothing, and says why."""
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    p = Joined(lab, "tokyo-1")
    line = add(lab, c, "tokyo-1", "tokyo", "--valid", "1s")
    done = p.join("quorate-join-1:AAAA\n")
    check(done.returncode == 2 and "damaged" in done.stderr, f"damaged: {done}")
    done = p.join("", stdin=False)
    check(done.returncode == 2 and "no join string" in done.stderr, f"nothing: {done}")
    done = subprocess.run([p.argv[0], "join", "-c", p.path, "quorate-join-1:e30"], env=lab.env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    check(done.returncode == 2 and "not an argument" in done.stderr, f"an argument: {done}")

    def expired():
        done = p.join(line)
        check(done.returncode in (0, 1), f"expired: {done}")
        return "too old" in done.stderr
    time.sleep(1.1)  # it is the time that is tested
    check(expired(), "a line joined after its time")
    equal([f for f in os.listdir(p.dir) if f in ("token", "coordinator.json")], [], "files after refusals")

    wrong = Joined(lab, "wrong", name="osaka-1")
    line = line_of(lab, lab.cli(c, "probe", "token", "tokyo-1"))
    done = wrong.join(line)
    check(done.returncode == 2 and "is for probe 'tokyo-1'" in done.stderr, f"another probe's line: {done}")
    write(wrong.token_file, lab.secret("qpt_of_somebody_else_entirely") + "\n", 0o600)
    write(wrong.path, read(wrong.path).replace("name: osaka-1\n", ""))
    done = wrong.join(line)
    check(done.returncode == 2 and "--force" in done.stderr, f"over another's token: {done}")
    equal(read(wrong.token_file), "qpt_of_somebody_else_entirely\n", "the other's token")
    path = write(lab.file("line"), line, 0o600)
    equal(p.join("", "--file", path, stdin=False).returncode, 0, "join from a file")
    done = wrong.join(line, "--force")
    check(done.returncode == 1 and "used already" in done.stderr, f"forced, but used: {done}")
    equal(read(wrong.token_file), "qpt_of_somebody_else_entirely\n", "the other's token, after a refusal")
    c.stop()
    done = p.join(line_of_nobody(line))
    check(done.returncode == 1, f"nobody there: {done}")


def line_of_nobody(line):
    """The same place with another secret."""
    code = line.strip().split(":", 1)[1]
    data = json.loads(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
    data["secret"] = "qj_0000000000000000"
    return "quorate-join-1:" + base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=") + "\n"


def test_join_interrupted(lab):
    """Stopped after the coordinator said yes and before the token was in its place: the same line again ends it."""
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    p = Joined(lab, "tokyo-1")
    line = add(lab, c, p.name, "tokyo")
    os.makedirs(os.path.join(p.token_file, "in the way"))
    done = p.join(line, "--force")
    check(done.returncode == 1 and p.token_file in done.stderr, f"a token that cannot be put into its place: {done}")
    os.rmdir(os.path.join(p.token_file, "in the way"))
    os.rmdir(p.token_file)
    left = [f for f in os.listdir(p.dir) if f.startswith("token.")]
    equal(([mode(os.path.join(p.dir, f)) for f in left]), [0o600], "the token that waits")
    done = p.join(line)
    equal((done.returncode, done.stderr), (0, ""), "the same line again")
    equal(sorted(os.listdir(p.dir)), ["coordinator.json", "token"], "files that joining left")
    p.token()
    lab.wait_connected(c, p.start())


def test_join_proxy_ca(lab):
    """From a network whose only way out is squid with a password, to a door whose certificate a CA vouches for."""
    network = Network(lab)
    site = network.site("virginia")
    ca, certificate, key = certificates(lab)
    port = free_port()
    c = lab.coordinator(door={"listen": f"0.0.0.0:{port}", "addresses": [f"10.77.0.1:{port}"], "certificate": certificate, "key": key}).start()
    lab.regions(c, ["tokyo"])
    squid = Squid(lab, [port], "probe", lab.secret("correct-horse-battery")).start()
    site.firewall(f"ip daddr 10.77.0.1 tcp dport {squid.port} accept")
    site.firewall("oifname != lo drop")
    password = write(lab.file("proxy-password"), "correct-horse-battery\n", 0o600)
    proxy = f'proxy: "http://probe@10.77.0.1:{squid.port}", proxy_password_file: {password}'
    doubter = Joined(lab, "doubter", prefix=site.prefix, coordinator=f"{{{proxy}}}")
    line = add(lab, c, "tokyo-1", "tokyo")
    done = doubter.join(line)
    check(done.returncode == 1 and "certificate" in done.stderr, f"a CA that this machine does not know: {done}")
    p = Joined(lab, "believer", prefix=site.prefix, coordinator=f"{{ca: {ca}, {proxy}}}")
    done = p.join(line)
    equal((done.returncode, done.stderr), (0, ""), "join")
    p.token()
    p.start()
    wait_for(lambda: standing(c, "tokyo-1") == "voting", "the probe to be connected", 15)


def test_probe_life(lab):
    """Drained, its seat moves and no alert comes; renewed, it is cut within a second; removed, its votes are gone at once."""
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    a, b = (Joined(lab, f"tokyo-{i}") for i in (1, 2))
    for p in (a, b):
        equal(p.join(add(lab, c, p.name, "tokyo")).returncode, 0, "join")
        p.start()
    lab.wait_connected(c, a, b)
    m = lab.monitor(c, "web", "tcp", f"127.0.0.1:{c.port}", quorum={"seats": 1})
    lab.wait_state(c, m, "up")
    voter = c.explain(m)["votes"][0]["probe"]
    spare = ({a.name, b.name} - {voter}).pop()
    equal(lab.cli(c, "probe", "drain", voter).returncode, 0, "drain")
    wait_for(lambda: [v["probe"] for v in c.explain(m)["votes"]] == [spare], "the seat to move", 2)
    equal(standing(c, voter), "drained", "standing")
    check("drained" in lab.cli(c, "probe", "list").stdout, "probe list does not show it")
    equal(lab.cli(c, "probe", "undrain", voter).returncode, 0, "undrain")
    wait_for(lambda: [(v["probe"], v["fate"]) for v in c.explain(m)["votes"]] == [(voter, "counted")], "the probe to be back", 10)

    p = a if a.name == voter else b
    line = line_of(lab, lab.cli(c, "probe", "token", voter))
    wait_for(lambda: "door.unlinked" in c.text(), "the old token's connections to end", 1)
    wait_for(lambda: "unauthorized" in p.text(), "the old token to be refused", 5)
    equal(p.join(line).returncode, 0, "join anew, over the old token")
    p.stop()
    p.start()
    wait_for(lambda: p.text().count("new=open") > 1, "the renewed probe's session", 10)

    equal(lab.cli(c, "probe", "remove", voter).returncode, 0, "remove")
    check([v for v in c.explain(m)["votes"] if v["probe"] == voter and v["fate"] == "counted"] == [], "its vote counts still")
    wait_for(lambda: [v["probe"] for v in c.explain(m)["votes"]] == [spare], "the seat to move on", 2)
    wait_for(lambda: [v["fate"] for v in c.explain(m)["votes"]] == ["counted"], "the other probe's vote", 10)
    equal(c.alerts(kind="probe"), [], "probe alerts")


def test_token_used_twice(lab):
    """Two programs with one token, over the door: both are shut out and an alert names the probe; a new token ends it."""
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    p, twin = Joined(lab, "tokyo-1"), Joined(lab, "twin")
    equal(p.join(add(lab, c, "tokyo-1", "tokyo")).returncode, 0, "join")
    for name in ("coordinator.json", "token"):
        write(os.path.join(twin.dir, name), read(os.path.join(p.dir, name)), 0o600)
    p.token()
    p.start()
    lab.wait_connected(c, p)
    lab.wait_settled(c)
    twin.start()
    wait_for(lambda: standing(c, "tokyo-1") == "twins", "the token to be found used twice", 60)
    alert = wait_for(lambda: c.alerts(kind="probe", state="open"), "the alert", 40)[0]
    equal((alert["reason"]["code"], alert["probe"]["fault"]), ("probe.twins", "twins"), "what it says")
    check("token used twice" in alert["reason"]["text"], f"its text: {alert['reason']['text']}")
    twin.stop()
    equal(p.join(line_of(lab, lab.cli(c, "probe", "token", "tokyo-1"))).returncode, 0, "join anew")
    p.stop()
    p.start()
    wait_for(lambda: standing(c, "tokyo-1") == "voting", "the probe with its new token", 10)
    wait_for(lambda: c.alerts(kind="probe", state="closed"), "the alert's close", 5)


test_token_used_twice.seconds = 35


def test_coordinator_is_no_target(lab):
    """Where the coordinator's name leads, no check goes: not by the name, not by its public numbers; others' numbers are free."""
    network = Network(lab)
    site = network.site("tokyo")
    for address in ("9.9.9.9/32", "9.9.9.8/32"):
        run("ip", "address", "add", address, "dev", "lo")
    hosts = write(lab.file("hosts"), "127.0.0.1 localhost\n9.9.9.9 coordinator.test\n")
    run("mount", "--bind", hosts, "/etc/hosts")
    port = free_port()
    c = lab.coordinator(door={"listen": f"0.0.0.0:{port}", "addresses": [f"coordinator.test:{port}"]}).start()
    lab.regions(c, ["tokyo"])
    p = Joined(lab, "tokyo-1", prefix=site.prefix)
    equal(p.join(add(lab, c, p.name, "tokyo")).returncode, 0, "join")
    p.token()
    lab.wait_connected(c, p.start())
    targets = {f"9.9.9.9:{port}": "internal.policy", f"coordinator.test:{port}": "dns.forbidden_address", f"9.9.9.8:{port}": "ok"}
    ids = {t: lab.monitor(c, t, "tcp", t, quorum={"seats": 1}) for t in targets}
    for target, reason in targets.items():
        found = lambda: {v["reason"] for v in c.explain(ids[target])["votes"]} - {None}
        wait_for(found, f"a vote on {target}")
        equal(found(), {reason}, f"the reason of {target}")


def kept_pins(probe):
    return json.loads(read(os.path.join(probe.dir, "coordinator.json")))["pin"]


def test_pin_rotation(lab):
    """The door changes its key: connected probes stay, learn the next one, and come in again; so does one that was away once. Missing two takes
    a new join, and log and doctor say so."""
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    probes = [Joined(lab, f"tokyo-{i}") for i in range(3)]
    for p in probes:
        line = add(lab, c, p.name, "tokyo")
        text = line.strip().split(":", 1)[1]
        equal(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))["pin"], door(c, lab)[:2], "the join string's pins")
        equal(p.join(line).returncode, 0, "join")
        p.token()
        p.start()
    stays_in, away = probes[:2], probes[2]
    lab.wait_connected(c, *probes)
    wait_for(lambda: door(c, lab)[2] == [], "all to have said that they keep the next key")
    first, second, _ = door(c, lab)
    check(mode(os.path.join(c.dir, "door.next.key")) == 0o600, "the next key is private")

    away.kill()
    rotated = lab.cli(c, "door", "rotate")
    equal(rotated.returncode, 0, rotated.stderr)
    equal(door(c, lab)[0], second, "the key that was next")
    third = door(c, lab)[1]
    check(third not in (first, second), "there is another next one")
    for p in stays_in:
        wait_for(lambda p=p: kept_pins(p) == [second, third], f"{p.name} to keep the new pins", 15)
        check("old=spliced" not in p.text(), f"{p.name} was dropped")
        equal(mode(os.path.join(p.dir, "coordinator.json")), 0o600, "mode of the file of pins")
    wait_for(lambda: door(c, lab)[2] == [away.name], "the one that is away to be the only one that does not know", 15)

    opened = {p: p.text().count("new=open") for p in stays_in}
    c.stop()
    c.start()
    for p in stays_in:
        wait_for(lambda p=p: p.text().count("new=open") > opened[p], f"{p.name} to come in again by the new key")
    away.start()
    wait_for(lambda: kept_pins(away) == [second, third], "the one that was away to come in by the key that it knew as next")
    wait_for(lambda: door(c, lab)[2] == [], "it to have said so")

    away.kill()
    equal(lab.cli(c, "door", "rotate").returncode, 0, "another rotation: it knows the next key")
    wait_for(lambda: door(c, lab)[2] == [away.name], "the others to know the one after it", 15)
    refused = lab.cli(c, "door", "rotate")
    check(refused.returncode == 1 and away.name in refused.stderr and "join anew" in refused.stderr, f"a rotation that would shut one out: {refused}")
    equal(door(c, lab)[0], third, "the key after a refused rotation")
    equal(lab.cli(c, "door", "rotate", "--force").returncode, 0, "the same, forced")
    away.start()
    wait_for(lambda: "none of the pinned ones" in away.text() and "join anew" in away.text(), "the one that missed two to say so")
    says = subprocess.run([away.argv[0], "doctor", "-c", away.path], env=lab.env, capture_output=True, text=True, timeout=60)
    check("none of the pinned keys" in says.stdout and "changed twice" in says.stdout and "quorate-probe join" in says.stdout, f"the doctor: {says.stdout}")
    equal(away.join(line_of(lab, lab.cli(c, "probe", "token", away.name))).returncode, 0, "joining anew")
    away.token()
    away.stop()
    away.start()
    wait_for(lambda: door(c, lab)[2] == [], "all to know the next key again", 15)

    # stopped in the middle of a rotation: the next key has its new name already, and there is no certificate of it
    known = kept_pins(stays_in[0])
    c.kill()
    os.rename(os.path.join(c.dir, "door.next.key"), os.path.join(c.dir, "door.key"))
    opened = {p: p.text().count("new=open") for p in probes}
    c.start()
    equal(door(c, lab)[0], known[1], "the key after a rotation that was interrupted")
    for p in probes:
        wait_for(lambda p=p: p.text().count("new=open") > opened[p], f"{p.name} to come in after it")


test_pin_rotation.seconds = 8


def door(coordinator, lab):
    """Pin, next pin, and the probes that do not know it, as the command line says them."""
    done = lab.cli(coordinator, "door", "show", "-o", "json")
    equal(done.returncode, 0, done.stderr)
    shown = json.loads(done.stdout)
    return [shown["pin"], shown["next_pin"], shown["unaware"]]


def test_pin_rotation_refused(lab):
    """An operator's certificate is not ours to rotate; pins that stand in probe.yml are not ours to change."""
    _, certificate, key = certificates(lab)
    theirs = lab.coordinator(name="theirs", door={"listen": f"127.0.0.1:{free_port()}", "certificate": certificate, "key": key}).start()
    done = lab.cli(theirs, "door", "rotate", "--force")
    check(done.returncode == 1 and "certificate of yours" in done.stderr, f"rotating it: {done}")
    check("the certificate is yours" in lab.cli(theirs, "door", "show").stdout, "showing it")

    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    pin = door(c, lab)[0]
    p = Joined(lab, "tokyo-1")
    equal(p.join(add(lab, c, p.name, "tokyo")).returncode, 0, "join")
    p.token()
    before = read(os.path.join(p.dir, "coordinator.json"))
    address = json.loads(before)["addresses"][0]
    write(p.path, read(p.path) + f"coordinator: {{addresses: ['{address}'], pin: ['{pin}']}}\n")
    p.start()
    lab.wait_connected(c, p)
    wait_for(lambda: "pin stands in probe.yml" in p.text(), "the probe to say that its file lacks the next key")
    equal(read(os.path.join(p.dir, "coordinator.json")), before, "what joining left")
    done = lab.cli(c, "door", "rotate")
    check(done.returncode == 1 and "tokyo-1" in done.stderr, f"rotating in spite of it: {done}")


test_pin_rotation_refused.seconds = 4
