#!/usr/bin/env python3
"""Conversions, measured against what servers need for the same.

  cargo build --release
  python3 tests/benches/convert.py --valkey valkey-server FILE.rdb FILE.aof

The RDB is one of Redis 7.0. Rows: the same server's RDB again against cp and fsync; one for Redis 6.2 against loading it
and SAVE; a folder with a base of commands against loading it and BGREWRITEAOF without a preamble; of the AOF, an RDB
against a Valkey that starts with it, and SAVE. Runs alternate; minimum and median are printed, the peak resident memory,
and the sizes beside the server's. Options: --redisk PATH (default target/release/redisk), --redis PROGRAM (redis-server),
--runs N (5). Nothing is asserted: times are for eyes.
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


def ask(path, *words):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        words = [w.encode() for w in words]
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))
        got = b""
        while not got.endswith(b"\r\n"):
            piece = s.recv(1 << 16)
            if not piece:
                break
            got += piece
    return got.decode(errors="replace")


class Server:
    """One that has loaded a file; `seconds` is its own "DB loaded" time."""

    def __init__(self, program, file):
        self.folder = f = tempfile.mkdtemp(dir=".")
        options = ["--port", "0", "--unixsocket", f + "/s", "--dir", f, "--save", "", "--aof-use-rdb-preamble", "no"]
        self.socket = os.path.abspath(f + "/s")
        options[3] = self.socket
        if file.endswith(".rdb"):
            os.symlink(os.path.abspath(file), f + "/dump.rdb")
        else:
            os.mkdir(f + "/appendonlydir")
            os.symlink(os.path.abspath(file), f + "/appendonlydir/appendonly.aof.1.incr.aof")
            with open(f + "/appendonlydir/appendonly.aof.manifest", "w") as m:
                m.write("file appendonly.aof.1.incr.aof seq 1 type i\n")
            options += ["--appendonly", "yes"]
        self.log = open(f + "/log", "w+")
        self.child = subprocess.Popen([program, *options], stdout=self.log, stderr=self.log)
        self.seconds = float(self.wait(r"DB loaded from [^:]*: ([0-9.]+) seconds"))

    def wait(self, what):
        while True:
            time.sleep(0.02)
            self.log.seek(0)
            text = self.log.read()
            found = re.search(what, text)
            if found:
                return found.group(1)
            if self.child.poll() is not None:
                raise SystemExit("the server ended:\n" + text[-2000:])

    def save(self):
        """Seconds and bytes of SAVE."""
        if os.path.islink(self.folder + "/dump.rdb"):
            os.unlink(self.folder + "/dump.rdb")
        start = time.monotonic()
        answer = ask(self.socket, "SAVE")
        assert answer.startswith("+OK"), answer
        return time.monotonic() - start, os.path.getsize(self.folder + "/dump.rdb")

    def rewrite(self):
        """Seconds of a rewrite, and bytes of its base."""
        start = time.monotonic()
        ask(self.socket, "CONFIG", "SET", "appendonly", "yes")
        self.wait(r"(Background AOF rewrite finished successfully)")
        seconds = time.monotonic() - start
        folder = self.folder + "/appendonlydir"
        return seconds, max(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))

    def end(self):
        self.child.kill()
        self.child.wait()
        shutil.rmtree(self.folder)


def by_server(program, file, job):
    server = Server(program, file)
    try:
        seconds, size = getattr(server, job)()
        return server.seconds + seconds, size, 0
    finally:
        server.end()


def copied(file):
    """cp and fsync."""
    start = time.monotonic()
    subprocess.run(["cp", file, "bench.copy"], check=True)
    fd = os.open("bench.copy", os.O_RDWR)
    os.fsync(fd)
    os.close(fd)
    seconds = time.monotonic() - start
    os.unlink("bench.copy")
    return seconds, os.path.getsize(file), 0


def converted(program, file, out, *more):
    """Seconds, bytes, and KiB at the peak."""
    start = time.monotonic()
    child = subprocess.Popen([program, "convert", "--quiet", file, out, *more])
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    assert status == 0, status
    if os.path.isdir(out):
        size = max(os.path.getsize(os.path.join(out, name)) for name in os.listdir(out))
        shutil.rmtree(out)
    else:
        size = os.path.getsize(out)
        os.unlink(out)
    return seconds, size, used.ru_maxrss


def main():
    p = argparse.ArgumentParser()
    p.add_argument("rdb")
    p.add_argument("aof")
    p.add_argument("--redis", default="redis-server")
    p.add_argument("--valkey", required=True)
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--runs", type=int, default=5)
    a = p.parse_args()
    rows = [
        ("RDB to RDB, same server", lambda: copied(a.rdb), (a.rdb, "bench.rdb", "--target", "redis-7.0")),
        ("RDB to redis-6.2", lambda: by_server(a.redis, a.rdb, "save"), (a.rdb, "bench.rdb", "--target", "redis-6.2")),
        ("RDB to aof-dir, base aof", lambda: by_server(a.redis, a.rdb, "rewrite"),
         (a.rdb, "bench.dir", "--to", "aof-dir", "--base", "aof", "--target", "redis-7.0")),
        ("AOF to RDB", lambda: by_server(a.valkey, a.aof, "save"), (a.aof, "bench.rdb", "--target", "valkey-9.1")),
    ]
    med = statistics.median
    for name, theirs, job in rows:
        t, w = [], []
        for _ in range(a.runs):
            t.append(theirs())
            w.append(converted(a.redisk, *job))
        ts, ws = [x[0] for x in t], [x[0] for x in w]
        print("%s: %.2f/%.2f s against %.2f/%.2f s, %.1f times as fast (minimum/median); size %.3f times theirs; peak %d MB" % (
            name, min(ws), med(ws), min(ts), med(ts), med(ts) / med(ws), w[0][1] / t[0][1], max(x[2] for x in w) // 1024), flush=True)


if __name__ == "__main__":
    main()
