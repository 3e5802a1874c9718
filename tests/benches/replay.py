#!/usr/bin/env python3
"""Replaying and loading, measured against a real server.

  cargo build --release
  python3 tests/benches/replay.py --server valkey-server FILE.aof FILE.rdb …

Of each file: the server's own "DB loaded" time and its resident memory then, beside the wall and CPU time and the peak
resident memory of `redisk replay --no-digest`. Runs alternate; minimum and median are printed. Options: --redisk PATH
(default target/release/redisk), --runs N (5). Nothing is asserted: times are for eyes.
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


def ask(path, words):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))
        got = s.recv(1 << 16)
    return got.decode(errors="replace")


def server(program, file):
    """Seconds to load and KiB resident."""
    folder = tempfile.mkdtemp()
    try:
        options = ["--port", "0", "--unixsocket", folder + "/s", "--dir", folder, "--save", "", "--enable-debug-command", "yes"]
        if file.endswith(".rdb"):
            os.symlink(os.path.abspath(file), folder + "/dump.rdb")
            options += ["--appendonly", "no"]
        else:
            os.mkdir(folder + "/appendonlydir")
            shutil.copyfile(file, folder + "/appendonlydir/appendonly.aof.1.incr.aof")
            with open(folder + "/appendonlydir/appendonly.aof.manifest", "w") as f:
                f.write("file appendonly.aof.1.incr.aof seq 1 type i\n")
            options += ["--appendonly", "yes"]
        log = open(folder + "/log", "w+")
        child = subprocess.Popen([program, *options], stdout=log, stderr=log)
        loaded = None
        while loaded is None and child.poll() is None:
            time.sleep(0.1)
            log.seek(0)
            loaded = re.search(r"DB loaded from [^:]*: ([0-9.]+) seconds", log.read())
        if loaded is None:
            log.seek(0)
            raise SystemExit("the server did not load it:\n" + log.read()[-2000:])
        time.sleep(0.5)
        rss = re.search(r"used_memory_rss:(\d+)", ask(folder + "/s", [b"INFO", b"memory"]))
        child.kill()
        child.wait()
        return float(loaded.group(1)), int(rss.group(1)) // 1024
    finally:
        shutil.rmtree(folder)


def redisk(program, file):
    """Wall and CPU seconds, and KiB at the peak."""
    start = time.monotonic()
    child = subprocess.Popen([program, "replay", "--no-digest", file], stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(child.pid, 0)
    return time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss


def main():
    p = argparse.ArgumentParser()
    p.add_argument("files", nargs="+")
    p.add_argument("--server", required=True)
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--runs", type=int, default=5)
    a = p.parse_args()
    for file in a.files:
        theirs, ours = [], []
        for _ in range(a.runs):
            theirs.append(server(a.server, file))
            ours.append(redisk(a.redisk, file))
        t, w, c = ([x[0] for x in theirs], [x[0] for x in ours], [x[1] for x in ours])
        med = statistics.median
        print("%s: server %.2f/%.2f s, %d MB; redisk %.2f/%.2f s wall, %.2f s CPU, peak %d MB; %.1f times as fast (minimum/median)" % (
            os.path.basename(file), min(t), med(t), max(x[1] for x in theirs) // 1024,
            min(w), med(w), med(c), max(x[2] for x in ours) // 1024, med(t) / med(w)), flush=True)


main()
