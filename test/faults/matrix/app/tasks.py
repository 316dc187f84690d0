"""The tasks of tasks.ts for a Celery worker; configured as test/support/python/tasks.py.

Each run writes one line at its beginning and one at its end into a file of its process.
"""
import json
import os
import signal
import time

from celery import Celery

app = Celery(
    "tasks",
    broker=os.environ.get("CTQ_TEST_BROKER", "memory://"),
    backend=os.environ.get("CTQ_TEST_BACKEND") or None,
)
app.conf.broker_connection_retry_on_startup = True
app.conf.update(json.loads(os.environ.get("CTQ_TEST_CONF", "{}")))

FOLDER = os.environ.get("CTQ_TEST_BOOK", "")
files = {}


def note(sign, name):
    pid = os.getpid()
    if pid not in files:
        files[pid] = open(os.path.join(FOLDER, "%d-0.book" % pid), "a", buffering=1)
    files[pid].write("%s %s %d %d\n" % (sign, name, time.time() * 1000, pid))


def run(name, seconds):
    note("b", name)
    if seconds > 0:
        time.sleep(seconds)
    note("e", name)
    return name


@app.task
def work(name, seconds=0):
    return run(name, seconds)


@app.task(acks_late=False)
def early(name, seconds=0):
    return run(name, seconds)


@app.task
def compute(name, seconds=0):
    note("b", name)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    note("e", name)
    return name


@app.task
def deadly(name):
    note("b", name)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(bind=True, max_retries=3)
def retrying(self, name):
    if self.request.retries == 0:
        raise self.retry(countdown=0.2)
    return run(name, 0)


@app.task
def add(x, y):
    return x + y


@app.task
def part(value, seconds=0):
    if seconds > 0:
        time.sleep(seconds)
    return value


@app.task
def body(numbers, name, count):
    note("b", name)
    note("e" if len(numbers) == count and sum(numbers) == count * (count - 1) // 2 else "w", name)
    return name


@app.task
def tick(name):
    with open(os.path.join(FOLDER, "ticks.txt"), "a") as file:
        file.write("%s %d\n" % (name, time.time() * 1000))
