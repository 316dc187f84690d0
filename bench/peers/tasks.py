"""What is measured is said by the environment: see lib/peers.mjs."""
import os
import time

from celery import Celery

app = Celery("tasks", broker=os.environ["BENCH_URL"], backend=os.environ["BENCH_URL"])
app.conf.task_acks_late = os.environ.get("BENCH_ACKS", "late") == "late"
app.conf.task_ignore_result = os.environ.get("BENCH_RESULTS") == "off"


@app.task
def add(x, y):
    return x + y


@app.task
def wait(x=0, y=0):
    time.sleep(0.05)
