"""Runs a program on a pseudo-terminal of its own, for tests.

    terminal.py <rows> <columns> <program> [arguments]

What the program writes goes to standard output as it is. Standard input takes one JSON document a line:
{"keys": text}, {"size": [rows, columns]}, {"signal": number}, {"hangup": true}. Standard error gets one
JSON document a line: {"pid": …} when it was started, {"stopped": number} and {"continued": true} when its
job control says so, {"exit": code or null, "signal": number or null, "tty": {…}} when it has ended, with
what it left the terminal's settings like.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def settings(fd):
    flags = termios.tcgetattr(fd)[3]
    return {"echo": bool(flags & termios.ECHO), "lines": bool(flags & termios.ICANON)}


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def say(document):
    sys.stderr.write(json.dumps(document) + "\n")
    sys.stderr.flush()


rows, columns = int(sys.argv[1]), int(sys.argv[2])
master, slave = pty.openpty()
resize(master, rows, columns)
# As a shell does: a session of its own with this terminal, and in it a group of its own in the foreground, so that it can be stopped.
leader = os.fork()
if leader == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    program = os.fork()
    if program == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(slave, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 64)
        os.execvp(sys.argv[3], sys.argv[3:])
    say({"pid": program})
    while True:
        _, status = os.waitpid(program, os.WUNTRACED | os.WCONTINUED)
        if os.WIFSTOPPED(status):
            say({"stopped": os.WSTOPSIG(status), "tty": settings(slave)})
        elif os.WIFCONTINUED(status):
            say({"continued": True})
        else:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            say({"exit": code, "signal": number, "tty": settings(slave)})
            os._exit(0)

os.close(slave)
orders = b""
reading = [master, sys.stdin.fileno()]
while master in reading:
    ready, _, _ = select.select(reading, [], [])
    if master in ready:
        try:
            output = os.read(master, 65536)
        except OSError:  # Nobody has it open any more.
            output = b""
        if not output:
            break
        os.write(1, output)
    if sys.stdin.fileno() in ready:
        more = os.read(sys.stdin.fileno(), 65536)
        if not more:
            reading.remove(sys.stdin.fileno())
        orders += more
        while b"\n" in orders:
            line, orders = orders.split(b"\n", 1)
            order = json.loads(line)
            if "keys" in order:
                os.write(master, order["keys"].encode())
            if "size" in order:
                resize(master, *order["size"])
            if "signal" in order:
                os.killpg(order["pid"], order["signal"])
            if "hangup" in order:
                os.close(master)
                reading.remove(master)
os.waitpid(leader, 0)
