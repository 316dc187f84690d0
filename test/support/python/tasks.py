"""The Python end of the interop tests: a Celery app configured from the environment, and its tasks.

CTQ_TEST_BROKER, CTQ_TEST_BACKEND  URLs
CTQ_TEST_CONF                      further settings as JSON
CTQ_TEST_MARKS                     folder where tasks leave a mark, for "ran exactly once"
"""
import json
import logging
import os
import sys
import time
import uuid

from celery import Celery, chain, chord, group, signature
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from celery.utils.log import get_task_logger

app = Celery(
    "tasks",
    broker=os.environ.get("CTQ_TEST_BROKER", "memory://"),
    backend=os.environ.get("CTQ_TEST_BACKEND") or None,
)
app.conf.update(
    broker_connection_retry_on_startup=True,
    accept_content=["json", "yaml", "msgpack"],
    result_accept_content=["json", "yaml", "msgpack"],
)
app.conf.update(json.loads(os.environ.get("CTQ_TEST_CONF", "{}")))

log = get_task_logger(__name__)


def mark(name):
    """Leave a file behind: one per call, so that a test can count runs."""
    folder = os.environ.get("CTQ_TEST_MARKS")
    if folder:
        with open(os.path.join(folder, "%s.%s" % (name, uuid.uuid4().hex)), "w") as file:
            file.write(repr(time.time()))


class CustomError(Exception):
    """Two arguments and a module of the user's own."""

    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code
        self.text = text


@app.task
def add(x, y):
    return x + y


@app.task
def mul(x, y):
    return x * y


@app.task
def xsum(numbers):
    return sum(numbers)


@app.task
def ident(x):
    return x


@app.task
def echo(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


@app.task
def describe(*args, **kwargs):
    """What Python made of the arguments: their repr and types."""
    return {
        "args": [[type(arg).__name__, repr(arg)] for arg in args],
        "kwargs": {key: [type(arg).__name__, repr(arg)] for key, arg in kwargs.items()},
    }


@app.task(bind=True)
def request_info(self, *args, **kwargs):
    request = self.request
    return {
        "id": request.id,
        "root_id": request.root_id,
        "parent_id": request.parent_id,
        "correlation_id": request.correlation_id,
        "origin": request.origin,
        "retries": request.retries,
        "eta": str(request.eta) if request.eta else None,
        "expires": str(request.expires) if request.expires else None,
        "timelimit": list(request.timelimit) if request.timelimit else None,
        "argsrepr": request.argsrepr,
        "kwargsrepr": request.kwargsrepr,
        "delivery_info": request.delivery_info,
        "headers": request.headers,
        "ignore_result": request.ignore_result,
        "shadow": getattr(request, "shadow", None),
        "stamps": getattr(request, "stamps", None),
        "group": request.group,
    }


@app.task
def fail(message="boom"):
    raise ValueError(message)


@app.task
def fail_custom():
    raise CustomError(3, "zwei")


@app.task
def fail_obj():
    raise ValueError(object())


@app.task(throws=(KeyError,))
def expected():
    raise KeyError("expected")


@app.task
def unserializable():
    return object()


@app.task
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task
def marked(name, seconds=0):
    """Mark the beginning and the end of the run."""
    mark("%s.begin" % name)
    time.sleep(seconds)
    mark("%s.end" % name)
    return name


@app.task(acks_late=True, reject_on_worker_lost=True)
def late(name="late", seconds=0):
    mark("%s.begin" % name)
    time.sleep(seconds)
    mark("%s.end" % name)
    return name


@app.task(bind=True, max_retries=3)
def retry_me(self, times=1, countdown=0.1):
    if self.request.retries < times:
        raise self.retry(countdown=countdown, exc=ValueError("try %d" % self.request.retries))
    return self.request.retries


@app.task(bind=True, max_retries=1)
def retry_exhaust(self):
    raise self.retry(countdown=0.1, exc=ValueError("always"))


@app.task(bind=True, max_retries=0)
def retry_noexc(self):
    raise self.retry(countdown=0.1)


@app.task(autoretry_for=(ZeroDivisionError,), max_retries=2, default_retry_delay=0)
def auto():
    return 1 / 0


@app.task(soft_time_limit=1)
def soft():
    time.sleep(30)


@app.task(soft_time_limit=1)
def soft_catch():
    try:
        time.sleep(30)
    except SoftTimeLimitExceeded:
        return "caught"


@app.task(time_limit=1)
def hard():
    time.sleep(30)


@app.task
def die():
    os._exit(3)


@app.task
def sysexit():
    sys.exit(2)


@app.task(ignore_result=True)
def ignored():
    return 1


@app.task(track_started=True)
def started(seconds=0):
    time.sleep(seconds)
    return seconds


@app.task(bind=True)
def progress(self, seconds=0):
    self.update_state(state="PROGRESS", meta={"done": 1, "of": 2})
    time.sleep(seconds)
    return "done"


@app.task
def do_ignore():
    raise Ignore()


@app.task(acks_late=True)
def do_reject():
    raise Reject("no reason", requeue=False)


@app.task(bind=True, acks_late=True)
def requeue_once(self):
    if not (self.request.delivery_info or {}).get("redelivered"):
        raise Reject("once more", requeue=True)
    return "second time"


@app.task(rate_limit="1/m")
def limited():
    return 1


@app.task
def noisy(text="noise"):
    """Speak on every channel there is."""
    print("stdout " + text)
    print("stderr " + text, file=sys.stderr)
    log.info("task logger %s", text)
    logging.getLogger("elsewhere").warning("std logger %s", text)
    return text


@app.task(bind=True)
def spawn(self):
    return [add.delay(1, 2).id, group(add.s(1, 1), add.s(2, 2))().id]


@app.task(bind=True)
def replace_task(self):
    raise self.replace(add.s(20, 1))


@app.task(bind=True)
def replace_chain(self):
    raise self.replace(chain(add.s(1, 1), mul.s(10)))


@app.task
def errback(task_id):
    mark("errback.%s" % task_id)
    return task_id


@app.task
def errback_new(request, exc, traceback):
    mark("errback_new.%s" % request.id)
    return [request.id, repr(exc)]


@app.task
def gather(*args):
    """What it was called with: shows the shape of a canvas."""
    return list(args)


@app.task(bind=True)
def stamped(self, *args):
    """The stamps of its message."""
    request = self.request
    return {"args": list(args), "stamps": getattr(request, "stamps", None), "names": getattr(request, "stamped_headers", None)}


@app.task(bind=True)
def replace_by(self, sig, *args):
    """Takes whatever came before it along."""
    raise self.replace(signature(sig).clone(args=tuple(args)) if args else signature(sig))


@app.task(bind=True)
def grow_chord(self):
    self.add_to_chord(gather.s("grown"))
    return "first"
