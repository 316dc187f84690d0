import os

from celery import Celery

app = Celery("tasks", broker=os.environ["BENCH_URL"], backend=os.environ["BENCH_URL"])


@app.task
def add(x, y):
    return x + y
