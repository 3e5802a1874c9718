#!/usr/bin/env python3
"""`diff`, measured against what servers and their checkers need to read one of the two.

  cargo build --release
  python3 tests/benches/diff.py --valkey valkey-server FILE.rdb FILE.aof

The RDB is one of Redis 7.0, the AOF plain commands that lead to the same. Rows: the RDB against one that differs in 100
keys (written by a server that loads it and is sent 100 commands) beside `redis-check-rdb` reading one; the RDB against
the AOF beside a Valkey that loads the AOF. Runs alternate; minimum and median are printed, and the peak resident memory.
Options: --redisk PATH (default target/release/redisk), --redis PROGRAM (redis-server), --check PROGRAM (redis-check-rdb),
--runs N (5). Nothing is asserted: times are for eyes.
"""
import argparse
import os
import statistics
import subprocess
import time

from convert import Server, ask


def other(program, rdb):
    """An RDB that differs in 100 keys."""
    server = Server(program, rdb)
    try:
        for i in range(100):
            key = ask(server.socket, "RANDOMKEY").split("\r\n")[1]
            answer = ask(server.socket, "PEXPIREAT", key, str(4000000000000 + i))
            assert answer.startswith(":1"), answer
        server.save()
        out = os.path.abspath("bench.other.rdb")
        os.replace(server.folder + "/dump.rdb", out)
        return out
    finally:
        server.end()


def timed(codes, *words):
    """Seconds, and KiB at the peak."""
    start = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    assert os.waitstatus_to_exitcode(status) in codes, (words, status)
    return seconds, used.ru_maxrss


def loaded(program, aof):
    server = Server(program, aof)
    server.end()
    return server.seconds, 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("rdb")
    p.add_argument("aof")
    p.add_argument("--redis", default="redis-server")
    p.add_argument("--check", default="redis-check-rdb")
    p.add_argument("--valkey", required=True)
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--runs", type=int, default=5)
    a = p.parse_args()
    changed = other(a.redis, a.rdb)
    rows = [
        ("two RDBs that differ in 100 keys", lambda: timed((0,), a.check, a.rdb), (a.rdb, changed)),
        ("the RDB against the AOF", lambda: loaded(a.valkey, a.aof), (a.rdb, a.aof)),
    ]
    med = statistics.median
    for name, theirs, sides in rows:
        t, w = [], []
        for _ in range(a.runs):
            t.append(theirs()[0])
            w.append(timed((0, 1), a.redisk, "diff", "--quiet", *sides))
        ws = [x[0] for x in w]
        print("%s: %.2f/%.2f s against %.2f/%.2f s, %.1f times as fast (minimum/median); peak %d MB" % (
            name, min(ws), med(ws), min(t), med(t), med(t) / med(ws), max(x[1] for x in w) // 1024), flush=True)
    os.unlink(changed)


if __name__ == "__main__":
    main()
