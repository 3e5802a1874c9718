#!/usr/bin/env python3
"""Repairs: how much they lose, and what the plan costs on an intact file.

  cargo build --release
  python3 tests/benches/repair.py [--check-aof redis-check-aof] [FILE.aof FILE.rdb]

Rows: one damaged byte in the middle of a log of 1,000 commands (redis-check-aof --fix beside it); 1,000 random damages to
framing bytes of a log of 10,000 commands, one at a time; 1,000 random single-byte damages to an RDB of 10,000 keys with
a checksum, made by --redis (redis-server); and of the files named, the plan against verify, runs alternating, minimum and
median. Options: --redisk PATH (default target/release/redisk), --runs N (5), --seed N. Nothing is asserted: figures are for
eyes.
"""
import argparse
import collections
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


def log(n, chance):
    out = [command("SELECT", 0)]
    while len(out) < n:
        k, text = chance.randrange(10**6), "x" * chance.randrange(1, 60)
        out.append(chance.choice([
            lambda: command("SET", f"key:{k}", text),
            lambda: command("HSET", f"user:{k}", "name", text, "age", k % 99),
            lambda: command("RPUSH", f"list:{k % 50}", k, text),
            lambda: command("DEL", f"user:{k}"),
            lambda: command("INCRBY", f"counter:{k % 10}", k),
            lambda: command("SET", f"bin:{k}", k.to_bytes(8, "little") * 5),
            lambda: command("PEXPIREAT", f"user:{k}", 1893456000000),
        ])())
    return out


def framing(one):
    """Offsets of the bytes that frame a command: its lines, the CRLFs behind its arguments, its name."""
    at, places, first = one.index(b"\r\n") + 2, [], True
    places += range(at)
    while at < len(one):
        end = one.index(b"\r\n", at)
        body, n = end + 2, int(one[at + 1:end])
        places += range(at, body)
        if first:
            places += range(body, body + n)
        places += [body + n, body + n + 1]
        at, first = body + n + 2, False
    return places


def parse(data):
    """The commands of a sound log."""
    at = 0
    while at < len(data):
        start, end = at, data.index(b"\r\n", at)
        argc, at = int(data[at + 1:end]), end + 2
        for _ in range(argc):
            end = data.index(b"\r\n", at)
            at = end + 2 + int(data[at + 1:end]) + 2
        yield data[start:at]


def repair(args, path, *more):
    out = path + ".out"
    for old in os.listdir(os.path.dirname(path)):
        if ".out" in old:
            os.remove(os.path.join(os.path.dirname(path), old))
    ran = subprocess.run([args.redisk, "repair", path, "--out", out, "--quiet", *more], capture_output=True)
    return open(out, "rb").read() if ran.returncode == 0 else None


def logs(args, chance, folder):
    path = os.path.join(folder, "log.aof")
    whole = log(1000, chance)
    data = bytearray(b"".join(whole))
    # The number of words of the command in the middle.
    data[len(b"".join(whole[: len(whole) // 2])) + 1] = ord("9")
    open(path, "wb").write(data)
    kept = sum(1 for _ in parse(repair(args, path)))
    print(f"1 byte in the middle of {len(whole)} commands: {len(whole) - kept} lost", end="")
    if args.check_aof:
        subprocess.run([args.check_aof, "--fix", path], input=b"y\n", capture_output=True)
        print(f"; {os.path.basename(args.check_aof)} --fix leaves {os.path.getsize(path)} of {len(data)} bytes", end="")
    print()
    whole = log(10000, chance)
    data, lost, new, worst = b"".join(whole), 0, 0, 0
    offsets = [0]
    for one in whole:
        offsets.append(offsets[-1] + len(one))
    for _ in range(args.damages):
        n = chance.randrange(len(whole))
        place = offsets[n] + chance.choice(framing(whole[n]))
        bad = bytearray(data)
        bad[place] ^= chance.randrange(1, 256)
        open(path, "wb").write(bad)
        left = collections.Counter(parse(repair(args, path)))
        before = collections.Counter(whole)
        gone = sum((before - left).values())
        lost, worst = lost + gone, max(worst, gone)
        # What the log did not hold before it was damaged: a letter of a name that makes another name.
        new += sum(1 for one in left - before if one not in bytes(bad))
    print(f"{args.damages} damages to framing bytes of {len(whole)} commands: {lost / args.damages:.3f} lost on average, "
          f"{worst} at most, {new} in the output that the input does not hold")


def server(args, folder):
    path = os.path.join(folder, "s")
    child = subprocess.Popen([args.redis, "--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""],
                             stdout=subprocess.DEVNULL)
    with socket.socket(socket.AF_UNIX) as s:
        for _ in range(500):
            try:
                s.connect(path)
                break
            except OSError:
                time.sleep(0.02)
        chance = random.Random(args.seed)
        for n in range(10000):
            text = "".join(chance.choice("abcdefgh ") for _ in range(chance.randrange(5, 200)))
            one = chance.choice([
                ("SET", f"string:{n}", text), ("HSET", f"hash:{n}", "a", text, "b", n), ("SADD", f"set:{n}", text, n),
                ("RPUSH", f"list:{n}", text, n, text), ("ZADD", f"zset:{n}", n, text), ("SADD", f"ints:{n}", n, n + 7),
                ("SET", f"number:{n}", n),
            ])
            s.sendall(command(*one))
            s.recv(100)
        s.sendall(command("SAVE"))
        s.recv(100)
    child.kill()
    child.wait()
    return os.path.join(folder, "dump.rdb")


def keys(args, path):
    out = subprocess.run([args.redisk, "dump", "--data-only", "--binary", "base64", path], capture_output=True).stdout
    found = {}
    for line in out.splitlines():
        one = json.loads(line)
        found[json.dumps(one["key"])] = json.dumps(one["value"])
    return found


def rdbs(args, chance, folder):
    if not shutil.which(args.redis):
        print(f"no {args.redis}: the row of RDB files is left out")
        return
    data = open(server(args, folder), "rb").read()
    path = os.path.join(folder, "bad.rdb")
    open(path, "wb").write(data)
    before, good, new, worst = keys(args, path), 0, 0, 1.0
    for _ in range(args.damages):
        bad = bytearray(data)
        bad[chance.randrange(9, len(data))] ^= chance.randrange(1, 256)
        open(path, "wb").write(bad)
        if repair(args, path, "--accept-checksum") is None:
            continue
        after = keys(args, path + ".out")
        share = sum(1 for k, v in after.items() if before.get(k) == v) / len(before)
        good, worst = good + (share >= 0.99), min(worst, share)
        new += sum(1 for k in after if k not in before)
    print(f"{args.damages} damages to an RDB of {len(before)} keys: at least 99 % recovered in {good / args.damages:.1%}, "
          f"{worst:.2%} at worst, {new} names that were not there")


def speed(args, path):
    times = collections.defaultdict(list)
    for _ in range(args.runs):
        for what in ("verify", "repair"):
            start = time.monotonic()
            subprocess.run([args.redisk, what, path], stdout=subprocess.DEVNULL)
            times[what].append(time.monotonic() - start)
    say = {w: f"{min(t):.2f} s (median {statistics.median(t):.2f})" for w, t in times.items()}
    ratio = min(times["repair"]) / min(times["verify"])
    print(f"{os.path.basename(path)}: plan {say['repair']}, verify {say['verify']}: {ratio:.2f} times")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("files", nargs="*")
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--redis", default="redis-server")
    p.add_argument("--check-aof")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--damages", type=int, default=1000)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        logs(args, chance, folder)
    with tempfile.TemporaryDirectory() as folder:
        rdbs(args, chance, folder)
    for path in args.files:
        speed(args, path)


main()
