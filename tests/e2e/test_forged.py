# SPDX-License-Identifier: MIT
"""A program with a valid token that lies about everything it can: who it is, what it was asked for, what it has said before."""
import os
import random
import sqlite3
import time
import uuid

from lab import check, equal, wait_for
from peers import Site
from wire import Wire, body_of, result

BATCH = 200  # messages between two answers that are waited for


class Forger:
    """Makes messages; what of them may count is what says OWN about its one monitor in its one session."""

    weird = (None, True, False, -1, 0, 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 1e308, 0.5, "", "x" * 300, "\u0000", "down", "up", "none",
             [], {}, [[]], {"a": {}}, "9" * 40, "00000000-0000-0000-0000-000000000000", "\U0001f600" * 60)

    def __init__(self, dice, own, others, sessions, session, strangers):
        self.dice, self.own, self.others, self.sessions, self.session = dice, own, others, sessions, session
        self.strangers = strangers  # (name, token) that do not belong together
        self.sequence = 0
        self.honest, self.said = set(), []  # sequences that were said as they should be; of these, in this batch
        self.kinds = [self.honest_result, self.other_monitor, self.other_session, self.replay, self.mutated_field, self.mutated_bytes,
                      self.wrong_hello, self.wrong_type, self.other_identity]

    def next(self):
        self.sequence += 1
        return self.sequence

    def report(self, *results, session=None, **more):
        return {"type": "report", "session": session or self.session, "results": list(results), **more}

    def honest_result(self):
        sequence = self.next()
        self.said.append(sequence)
        return self.report(result(self.own, sequence))

    def other_monitor(self):
        """Fresh, late, or of an earlier boot: it was never asked for that."""
        more = self.dice.choice(({}, {"age_ms": 3600000}, {"boot": str(uuid.uuid4())}, {"round": 1}, {"monitor_revision": 7},
                                 {"age_ms": 34560000000}))
        return self.report(result(self.dice.choice(self.others), self.next(), "down", reason="tcp.refused", **more))

    def other_session(self):
        """Invented, over, or somebody else's who is connected now."""
        session = self.dice.choice([*self.sessions, f"{self.dice.getrandbits(128):032x}", self.session[:16] + "0" * 16])
        return self.report(result(self.dice.choice([self.own, *self.others]), self.next(), "down", reason="tcp.refused"), session=session)

    def replay(self):
        """What it said before, or skipped, and now the other way round."""
        return self.report(result(self.own, self.dice.randrange(1, self.sequence + 2), "down", reason="tcp.refused", age_ms=20000))

    def mutated_field(self):
        message = self.report(result(self.own, self.next()))
        where = self.dice.choice((message, message["results"][0]))
        where[self.dice.choice(tuple(where))] = self.dice.choice(self.weird)
        return message

    def mutated_bytes(self):
        body = bytearray(body_of(self.report(result(self.own, self.next()))))
        for _ in range(self.dice.randrange(1, 4)):
            at = self.dice.randrange(len(body))
            change = self.dice.randrange(3)
            if change == 0:
                body[at] ^= 1 << self.dice.randrange(8)
            elif change == 1:
                del body[at:at + self.dice.randrange(1, 30)]
            else:
                body[at:at] = self.dice.randbytes(self.dice.randrange(1, 30))
        return bytes(body)

    def wrong_hello(self):
        name, token = self.dice.choice(self.strangers)
        return {"type": "hello", "version": 1, "probe": name, "token": token, "boot": str(uuid.uuid4())}

    def wrong_type(self):
        kind = self.dice.choice(("poll", "orders", "welcome", "receipt", "coffee"))
        return {"type": kind, "session": self.dice.choice([self.session, *self.sessions]), "revision": 0, "status": "stored"}

    def other_identity(self):
        """Members that nobody asked for do not make it somebody else."""
        return self.report(result(self.dice.choice(self.others), self.next(), "down", reason="tcp.refused", probe="tokyo-1",
                                  probe_id=str(uuid.uuid4()), region="tokyo"), probe="tokyo-1", probe_id="tokyo-1", token="x" * 40)

    def message(self):
        return self.dice.choice(self.kinds)()


def rows(coordinator):
    """[(probe, boot, monitor, sequence, late)] of results.db."""
    path = next(p for p in coordinator.databases() if p.endswith("results.db"))
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        found = db.execute("SELECT hex(i.key), json_extract(r.document, '$.monitor'), r.sequence, r.late FROM result r "
                           "JOIN ident i ON i.id = r.source").fetchall()
    finally:
        db.close()
    return [(source[:32].lower(), source[32:].lower(), monitor, sequence, late) for source, monitor, sequence, late in found]


def forged(lab, n):
    seed = int(os.environ.get("SEED", random.randrange(10 ** 6)))
    print(f"    SEED={seed}")
    dice = random.Random(seed)
    coordinator = lab.coordinator(limits={"messages": 1000000, "bytes": 1000000000, "results": 1000000}).start()
    shop = Site(lab, "shop")
    cities = ("tokyo", "osaka", "kyoto")
    lab.regions(coordinator, cities)
    honest = lab.probe(coordinator, "tokyo-1", "tokyo").start()
    tokens = {}
    for city in ("osaka", "kyoto"):
        made = coordinator.api.must("POST", "/api/v1/probes", {"name": f"{city}-1", "region": city})
        tokens[city] = lab.secret(made["token"])
    ids = {p["name"][:-2]: p["id"].replace("-", "") for p in coordinator.api.items("/api/v1/probes")}
    monitors = {city: lab.monitor(coordinator, city, "http", shop.url, regions=[city], quorum={"seats": 1, "rounds": 1})
                for city in cities}
    lab.wait_connected(coordinator, honest)
    lab.wait_state(coordinator, monitors["tokyo"], "up")

    # kyoto is connected, says up once in a while, and its session is known to the forger, who is osaka
    kyoto = Wire(coordinator.report_port)
    kyoto.hello("kyoto-1", tokens["kyoto"])
    osaka = Wire(coordinator.report_port, timeout=60)
    over = osaka.hello("osaka-1", tokens["osaka"])
    osaka.hello("osaka-1", tokens["osaka"], boot=osaka.boot)
    orders = Wire(coordinator.orders_port, timeout=60)
    forger = Forger(dice, monitors["osaka"], [monitors["tokyo"], monitors["kyoto"]], [over, kyoto.session], osaka.session,
                    [("tokyo-1", tokens["osaka"]), ("kyoto-1", tokens["osaka"]), ("osaka-1", tokens["kyoto"]), ("nobody", "x" * 40)])
    before, began, said = coordinator.status()["link"], time.monotonic(), 0
    for sent in range(0, n, BATCH):
        wire = orders if sent // BATCH % 20 == 19 else osaka  # on the wrong stream now and then
        batch = [forger.message() for _ in range(BATCH)]
        if wire is orders:
            forger.said.clear()
            batch = [m for m in batch if not isinstance(m, dict) or m["type"] != "poll" or m["session"] != osaka.session]
        wire.socket.sendall(b"".join(wire.frame(m) for m in batch))
        wire.ask({"type": "nothing"})  # answered when all before it are read
        forger.honest.update(forger.said)
        forger.said.clear()
        if sent % 10000 == 0:
            said += 1
            equal(kyoto.ask({"type": "report", "session": kyoto.session, "results": [result(monitors["kyoto"], said)]})["status"],
                  "stored", "kyoto's receipt")
            equal(coordinator.state(monitors["tokyo"]), "up", "the state of tokyo's monitor")
    took = time.monotonic() - began
    last = forger.honest_result()  # its receipt comes after all before it
    wait_for(lambda: osaka.ask(last)["status"] == "stored", "the last one to be stored", 60)

    after = coordinator.status()
    check(after["link"]["messages"] - before["messages"] >= n, "all messages arrived")
    equal(after["link"]["sessions"], 3, "sessions")
    found = rows(coordinator)
    foreign = [r for r in found if r[:1] == (ids["osaka"],) and r[2] != monitors["osaka"]]
    equal(foreign[:5], [], f"{len(foreign)} results were accepted for monitors of others")
    mine = {r[3] for r in found if r[0] == ids["osaka"] and r[1] == osaka.boot.replace("-", "")}
    missing = forger.honest - mine
    check(not missing, f"{len(missing)} of {len(forger.honest)} honest results are missing")
    injected = {(r[2], r[3]) for r in found if r[0] == ids["kyoto"]} ^ {(monitors["kyoto"], k + 1) for k in range(said)}
    check(not injected, f"{len(injected)} results in kyoto's name, or missing: {sorted(injected)[:3]}")
    real = [r for r in found if r[0] == ids["tokyo"]]
    equal({(r[1], r[2]) for r in real}, {(real[0][1], monitors["tokyo"])}, "boots and monitors of tokyo's results")
    sequences = sorted(r[3] for r in real)
    equal(sequences, list(range(1, len(real) + 1)), "tokyo's sequences")
    check(len({r[:2] + r[3:4] for r in found}) == len(found), "no result is stored twice")
    for city, verdict in (("tokyo", "up"), ("kyoto", "up")):
        votes = [v["verdict"] for v in coordinator.explain(monitors[city])["votes"]]
        check(votes in ([verdict], [None], ["none"]), f"{city}'s vote: {votes}")
    equal(coordinator.alerts(kind="down"), [], "alerts")
    check("agent.session old=open" not in honest.text(), "the honest probe's session went on")
    print(f"    {n} messages in {took:.0f} s: {len(mine)} results of its own stored, 0 of {after['link']['foreign_results']} foreign ones, "
          f"{after['link']['invalid_messages']} messages invalid")
    check(after["link"]["foreign_results"] > n / 20, "foreign results were tried")
    check(after["link"]["invalid_messages"] > n / 20, "invalid messages were tried")


def test_forged_messages(lab):
    """20,000 forged messages of a program with a valid token: nothing counts but its own results for its own monitor."""
    forged(lab, 20000)


def test_forged_messages_long(lab):
    """A million of them."""
    forged(lab, 1000000)


test_forged_messages.seconds = 15
test_forged_messages_long.seconds, test_forged_messages_long.long = 200, 1200
