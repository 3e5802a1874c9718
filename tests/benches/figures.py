#!/usr/bin/env python3
"""The figures of README.md, measured again: redisk against redis-check-rdb, redis-check-aof and the `rdb` crate.

  cargo build --release
  python3 tests/benches/figures.py --make DIR          # makes DIR/mixed.rdb and DIR/mixed.aof with a local redis-server
  python3 tests/benches/figures.py DIR/mixed.rdb       # measures

Options: --redisk PATH (default target/release/redisk), --runs N (5), --rdb-crate PATH (`cargo install rdb --version 0.4.0`),
--only TEXT. Runs of the two sides alternate, so that a machine that slows down slows both; minimum and median of the
wall time are printed, and the peak resident memory of redisk. Nothing is asserted: times are for eyes.
"""
import argparse
import os
import random
import statistics
import subprocess
import sys
import time

WORDS = "north south amber cobalt ledger parcel signal harbor meadow copper violet granite orbit lantern cedar".split()


def encode(*args):
    out = [b"*%d\r\n" % len(args)]
    for a in args:
        b = a if isinstance(a, bytes) else str(a).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(b), b))
    return b"".join(out)


def text(r):
    k = r.random()
    if k < 0.4:
        return '{"id":%d,"word":"%s","ratio":%.3f,"open":%s}' % (
            r.getrandbits(30), r.choice(WORDS), r.random() * 100, r.choice(("true", "false")))
    if k < 0.7:
        return " ".join(r.choice(WORDS) for _ in range(r.randint(1, 12)))
    if k < 0.85:
        return "%032x" % r.getrandbits(128)
    return r.randbytes(r.randint(1, 60))


def commands(n, seed):
    """A mix as production files have it: half small strings, then integers, hashes, lists, sets, sorted sets, streams."""
    r = random.Random(seed)
    for i in range(n):
        k = r.random()
        if k < 0.50:
            key, cmd = "page:%d" % i, ("SET", "page:%d" % i, text(r))
        elif k < 0.65:
            key, cmd = "count:%d" % i, ("SET", "count:%d" % i, r.getrandbits(r.choice((6, 14, 30, 62))))
        elif k < 0.80:
            key = "person:%d" % i
            pairs = []
            for j in range(r.randint(5, 50)):
                pairs += ["field_%d" % j, r.choice(WORDS) if r.random() < 0.6 else r.getrandbits(20)]
            cmd = ("HSET", key, *pairs)
        elif k < 0.88:
            key = "queue:%d" % i
            m = r.randint(1, 40) if r.random() < 0.97 else r.randint(300, 1500)
            cmd = ("RPUSH", key, *(r.choice(WORDS) if r.random() < 0.6 else r.getrandbits(20) for _ in range(m)))
        elif k < 0.94:
            key = "group:%d" % i
            m = r.randint(1, 60)
            cmd = ("SADD", key, *(r.getrandbits(17) if i % 2 else "%s%d" % (r.choice(WORDS), r.getrandbits(16)) for _ in range(m)))
        elif k < 0.99:
            key = "rank:%d" % i
            cmd = ("ZADD", key, *(x for _ in range(r.randint(1, 60)) for x in ("%.2f" % (r.random() * 1e4), "m%d" % r.getrandbits(20))))
        else:
            key = "events:%d" % i
            for j in range(r.randint(3, 30)):
                yield encode("XADD", key, "%d-%d" % (1700000000000 + i * 40 + j, j), "kind", r.choice(WORDS), "n", r.getrandbits(20))
            cmd = ("XGROUP", "CREATE", key, "g", "0")
        yield encode(*cmd)
        if r.random() < 0.3:
            yield encode("PEXPIREAT", key, 4102444800000 + r.getrandbits(38))
    for lo in range(0, n // 5, 500):
        hi = range(lo, min(lo + 500, n // 5))
        yield encode("HSET", "big:hash", *(x for j in hi for x in ("field:%d" % j, "%x" % r.getrandbits(40))))
        yield encode("SADD", "big:set", *("%x" % r.getrandbits(60) for _ in hi))
        yield encode("ZADD", "big:zset", *(x for j in hi for x in (r.random() * 1e6, "z%d" % j)))


def make(folder, keys):
    os.makedirs(folder, exist_ok=True)
    aof = os.path.join(folder, "mixed.aof")
    with open(aof, "wb") as f:
        part = []
        for c in commands(keys, 1):
            part.append(c)
            if len(part) == 4000:
                f.write(b"".join(part))
                part = []
        f.write(b"".join(part))
    sock = os.path.join(os.path.abspath(folder), "bench.sock")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", sock, "--dir", folder, "--save", "",
                               "--dbfilename", "mixed.rdb", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(sock):
            time.sleep(0.1)
        with open(aof, "rb") as f:
            subprocess.run(["redis-cli", "-s", sock, "--pipe"], stdin=f, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["redis-cli", "-s", sock, "save"], check=True, stdout=subprocess.DEVNULL)
    finally:
        subprocess.run(["redis-cli", "-s", sock, "shutdown", "nosave"], stdout=subprocess.DEVNULL)
        server.wait()
    for name in ("mixed.rdb", "mixed.aof"):
        print(name, os.path.getsize(os.path.join(folder, name)), "bytes")


def run(argv):
    """Wall seconds and peak memory in MiB of one run, output thrown away."""
    start = time.monotonic()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - start, usage.ru_maxrss / 1024, child.returncode


def measure(a):
    rdb = a.file.endswith(".rdb")
    checker = "redis-check-rdb" if rdb else "redis-check-aof"
    me = a.redisk
    jobs = []
    if rdb:
        for threads in ("1", "2"):
            t = ["--threads", threads]
            jobs += [
                ("verify, %s thread(s)" % threads, [me, "verify", *t, a.file], [checker, a.file]),
                ("info, %s thread(s)" % threads, [me, "info", *t, a.file], [checker, a.file]),
                ("dump --format resp, %s thread(s)" % threads, [me, "dump", "--format", "resp", *t, a.file], [checker, a.file]),
            ]
            if a.rdb_crate:
                jobs.append(("dump --format jsonl, %s thread(s)" % threads, [me, "dump", *t, a.file], [a.rdb_crate, "-f", "json", a.file]))
        jobs.append(("verify --checksum-only", [me, "verify", "--checksum-only", a.file], [checker, a.file]))
    else:
        jobs += [
            ("verify", [me, "verify", a.file], [checker, a.file]),
            ("info", [me, "info", a.file], [checker, a.file]),
            ("log --json", [me, "log", "--json", a.file], [checker, a.file]),
        ]
    print("%-34s %17s %17s %7s %9s" % ("job", "redisk min/median", "peer min/median", "ratio", "peak MiB"))
    for name, ours, theirs in jobs:
        if a.only and a.only not in name:
            continue
        mine, peers, peak = [], [], 0
        for i in range(a.runs + 1):
            wall, rss, code = run(ours)
            if code not in (0, 1):
                sys.exit("%s: exit %d" % (" ".join(ours), code))
            other, _, _ = run(theirs)
            if i:  # the first pair warms the page cache
                mine.append(wall)
                peers.append(other)
                peak = max(peak, rss)
        ratio = statistics.median(peers) / statistics.median(mine)
        print("%-34s %7.3f / %7.3f %7.3f / %7.3f %6.1fx %9.1f" % (
            name, min(mine), statistics.median(mine), min(peers), statistics.median(peers), ratio, peak), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("file", nargs="?")
    p.add_argument("--make", metavar="DIR")
    p.add_argument("--keys", type=int, default=1_000_000)
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--rdb-crate")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--only", default="")
    a = p.parse_args()
    if a.make:
        make(a.make, a.keys)
    elif a.file:
        measure(a)
    else:
        p.error("a file to measure, or --make DIR")


if __name__ == "__main__":
    main()
