#!/usr/bin/env python3
"""Compacting, splitting and merging, measured against what servers and their tools need.

  cargo build --release
  python3 tests/benches/compact.py --valkey valkey-server FILE.rdb FILE.aof…

Rows: `compact` of each AOF (plain commands) to a set with an RDB base, against a Valkey that starts with it and BGREWRITEAOF
until it is done; `split` of the RDB into 3 by slots, and `merge` of those 3, against redis-check-rdb reading the RDB. Each
compact begins with a fresh copy of the file, made before the clock starts. Runs alternate; minimum and median of the wall
time are printed, the processor time, the peak resident memory, and the sizes beside the server's. Options: --redisk PATH
(default target/release/redisk), --check PROGRAM (redis-check-rdb), --runs N (5). Nothing is asserted: times are for eyes.
"""
import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time


def folder_of(file):
    """A data directory with a set whose only file is the log."""
    place = tempfile.mkdtemp(dir=".")
    inside = place + "/appendonlydir"
    os.mkdir(inside)
    shutil.copy(file, inside + "/appendonly.aof.1.incr.aof")
    with open(inside + "/appendonly.aof.manifest", "w") as m:
        m.write("file appendonly.aof.1.incr.aof seq 1 type i\n")
    os.sync()
    return place


def size(place):
    inside = place + "/appendonlydir"
    return sum(os.path.getsize(os.path.join(inside, name)) for name in os.listdir(inside))


def used(command, **more):
    """Seconds, processor seconds, and KiB at the peak."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, **more)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, status
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def rewritten(program, file):
    """The same of a server: start, and BGREWRITEAOF until it is done. And the bytes of the set."""
    place = folder_of(file)
    path = os.path.abspath(place + "/s")
    log = open(place + "/log", "w+")
    start = time.monotonic()
    child = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", path, "--dir", place, "--appendonly", "yes", "--save", ""],
        stdout=log, stderr=log)

    def wait(what):
        while True:
            time.sleep(0.01)
            with open(place + "/log") as text:
                text = text.read()
            if re.search(what, text):
                return
            if child.poll() is not None:
                raise SystemExit("the server ended:\n" + text[-2000:])

    wait("Ready to accept")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"BGREWRITEAOF\r\n")
        s.recv(100)
    wait("Background AOF rewrite finished successfully")
    seconds = time.monotonic() - start
    child.kill()
    _, _, usage = os.wait4(child.pid, 0)
    bytes_ = size(place)
    shutil.rmtree(place)
    return (seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss), bytes_


def compacted(program, file):
    place = folder_of(file)
    done = used([program, "compact", "--quiet", place, "--base", "rdb", "--target", "valkey-9.1"])
    bytes_ = size(place)
    shutil.rmtree(place)
    return done, bytes_


def split(program, file):
    shutil.rmtree("bench.parts", ignore_errors=True)
    return used([program, "split", "--quiet", file, "--out", "bench.parts", "--parts", "3"])


def merged(program):
    parts = sorted("bench.parts/" + name for name in os.listdir("bench.parts") if name.endswith(".rdb"))
    return used([program, "merge", "--quiet", "--force", "--out", "bench.one.rdb", *parts])


def row(name, ours, theirs, note=""):
    med = statistics.median
    o, t = [x[0] for x in ours], [x[0] for x in theirs]
    print("%s: %.2f/%.2f s against %.2f/%.2f s, %.1f times as fast (minimum/median); processor %.2f s against %.2f s; peak %d MB%s" % (
        name, min(o), med(o), min(t), med(t), med(t) / med(o), min(x[1] for x in ours), min(x[1] for x in theirs),
        max(x[2] for x in ours) // 1024, note), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("rdb")
    p.add_argument("aof", nargs="+")
    p.add_argument("--valkey", required=True)
    p.add_argument("--check", default="redis-check-rdb")
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--runs", type=int, default=5)
    a = p.parse_args()
    for aof in a.aof:
        ours, theirs = [], []
        for _ in range(a.runs):
            theirs.append(rewritten(a.valkey, aof))
            ours.append(compacted(a.redisk, aof))
        note = "; size %.3f times theirs" % (ours[0][1] / theirs[0][1])
        row("compact of " + os.path.basename(aof), [x[0] for x in ours], [x[0] for x in theirs], note)
    checks, splits, merges = [], [], []
    for _ in range(a.runs):
        checks.append(used([a.check, a.rdb]))
        splits.append(split(a.redisk, a.rdb))
        merges.append(merged(a.redisk))
    row("split into 3", splits, checks)
    row("merge of 3", merges, checks)
    shutil.rmtree("bench.parts")
    os.unlink("bench.one.rdb")


main()
