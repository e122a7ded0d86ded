#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A second probe in 100 lines of code, written from proto/README.md alone: second_client.py CIDR... < JOIN-STRING
It runs tcp checks inside of the networks CIDR for a coordinator whose key is pinned. Nothing of it outlives the process."""
import asyncio, base64, contextlib, hashlib, ipaddress, itertools, json, random, re, secrets, socket, ssl, struct, sys, time, uuid

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
REASONS = {ConnectionRefusedError: "tcp.refused", TimeoutError: "tcp.timeout", socket.gaierror: "dns.nxdomain"}
place = json.loads(base64.urlsafe_b64decode(sys.stdin.read().strip().partition(":")[2] + "=="))
me, boot = {"probe": place["probe"], "token": secrets.token_urlsafe(24)}, str(uuid.uuid4())
allow, connections, news = [ipaddress.ip_network(a) for a in sys.argv[1:]], contextlib.ExitStack(), asyncio.Event()
assigned, bursts, waiting, newest, numbers = {}, {}, {}, {}, itertools.count(1)  # waiting, newest: results as (end, document)

def pin_of(der, end=0):  # of a certificate: into its first element, past six of that one's, is the key (RFC 5280, section 4.1)
    for step in range(9):
        at, n = end, max(der[end + 1] - 128, 0)
        size = int.from_bytes(der[at + 2:at + 2 + n], "big") if n else der[at + 1]
        end = at + 2 + n + (size if step > 1 else 0)
    return "sha256//" + base64.b64encode(hashlib.sha256(der[at:end]).digest()).decode()

async def dial(alpn, first_words):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.check_hostname, context.verify_mode = ssl.TLSVersion.TLSv1_3, False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    host, port = random.choice(place["addresses"]).rsplit(":", 1)
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port), ssl=context), 15)
    connections.callback(writer.close)
    assert pin_of(writer.get_extra_info("ssl_object").getpeercert(True)) in place["pin"], "this is not the coordinator"
    writer.write(first_words.encode())
    return reader, writer, (await asyncio.wait_for(reader.readline(), 10)).decode()

async def stream(name):  # a function that sends a request and returns its reply
    reader, writer, answer = await dial("quorate/1", json.dumps({"type": "preface", "version": 1, "stream": name, **me}) + "\n")
    assert json.loads(answer)["type"] == "accepted", answer
    async def ask(patience, **message):
        request, reply = struct.pack(">L", random.getrandbits(32) | 2**31) + json.dumps(message).encode(), b""
        writer.write(struct.pack(">BQ", 1, len(request)) + request)
        async with asyncio.timeout(patience):
            while reply[:4] != request[:4]:
                reply = await reader.readexactly(min(struct.unpack(">xQ", await reader.readexactly(9))[0], 262144))
        return json.loads(reply[4:])
    return ask

async def check(a, at, round=0):
    await asyncio.sleep(at - time.monotonic())
    m, began, reason = a["monitor"], time.time(), "internal.policy"
    if assigned.get(m["id"]) is not a:
        return
    interval, timeout = (int(n) * UNITS[u] for n, u in re.findall("([0-9]+)([a-z]+)", m.get("interval", "60s") + m.get("timeout", "10s")))
    if not round:
        asyncio.create_task(check(a, at + interval))
    (host, port), closed = m["target"].rsplit(":", 1), m.get("expect", {}).get("port") == "closed"
    try:
        async with asyncio.timeout(timeout):
            address = (await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), int(port)))[0][4][0]
            if any(ipaddress.ip_address(address) in network for network in allow):
                (await asyncio.open_connection(address, int(port)))[1].close()
                reason = "tcp.open" if closed else "ok"
    except OSError as e:
        reason = "ok" if closed and type(e) is not socket.gaierror else REASONS.get(type(e), "tcp.failed")
    result = dict(monitor=m["id"], monitor_revision=m["revision"], assignment=a["assignment"], round=round, sequence=next(numbers),
                  started_at=time.strftime("%FT%TZ", time.gmtime(began)), duration_ms=int((time.time() - began) * 1000),
                  verdict={"ok": "up", "internal.policy": "none"}.get(reason, "down"), reason=reason)
    waiting[result["sequence"]] = newest[m["id"]] = time.monotonic(), result
    news.set()

async def poll(ask, session, revision=0, patience=5, before={}, **_):
    while True:
        orders, now = await ask(patience, type="poll", session=session, revision=revision), time.monotonic()
        assert not orders.get("stale_session"), "stale session"
        revision, patience, before = orders.get("revision", 0), 30, dict(assigned) if orders.get("reset") else before
        for a in orders.get("assign", []):
            assigned[a["monitor"]["id"]] = a
            asyncio.create_task(check(a, now + a.get("next_in_ms", 0) / 1000))
        for i in orders.get("drop", []) + [i for i, a in before.items() if orders.get("complete") and assigned.get(i) is a]:
            assigned.pop(i, None), newest.pop(i, None)
        for b in orders.get("bursts", []):
            a, again, bursts[b["monitor"]] = assigned.get(b["monitor"]), bursts.get(b["monitor"]) == b["first_round"], b["first_round"]
            for i in range(b.get("rounds", 1) if a and a["monitor"]["revision"] == b["monitor_revision"] and not again else 0):
                asyncio.create_task(check(a, now + i * b.get("gap_ms", 3000) / 1000, b["first_round"] + i))

async def report(ask, session, heartbeat_ms=10000, **_):
    waiting.update((result["sequence"], (end, result)) for end, result in newest.values())
    while True:
        news.clear()
        batch = sorted(waiting.items(), key=lambda item: (item[1][1]["verdict"] != "down", -item[0]))[:500]
        results = [dict(result, age_ms=int((time.monotonic() - end) * 1000)) for _, (end, result) in batch]
        receipt = await ask(5, type="report", session=session, sent_wall_ms=int(time.time() * 1000), results=results)
        assert receipt["status"] != "stale_session", receipt
        [waiting.pop(number) for number, _ in batch]
        if receipt["status"] == "seen":
            asyncio.get_running_loop().call_later(5, waiting.update, batch)
        await asyncio.wait([asyncio.create_task(news.wait())], timeout=0 if waiting else heartbeat_ms / 1000)

async def main(attempt=0):
    body = json.dumps({**me, "secret": place["secret"]})
    head = f"POST /api/v1/join HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert " 200 " in (answer := (await dial("http/1.1", head + body))[2]), answer
    while True:
        began = time.monotonic()
        try:
            to_report, to_poll = await stream("report"), await stream("orders")
            able = {"ipv4": True, "types": ["tcp"], "allow": sys.argv[1:], "min_interval_ms": 1000}
            welcome = await to_report(8, type="hello", version=1, boot=boot, capabilities=able, **me)
            assert welcome["type"] == "welcome", welcome
            await asyncio.gather(poll(to_poll, **welcome), report(to_report, **welcome))
        except (AssertionError, OSError, EOFError, ValueError) as e:
            print(f"session over: {e!r}", file=sys.stderr, flush=True)
        connections.close()
        attempt = 0 if time.monotonic() - began > 2 else attempt + 1
        await asyncio.sleep(min(60, 2 ** attempt - 1) * random.uniform(0.8, 1.2))

asyncio.run(main())
