"""When would Celery's beat send? Reads cases from standard input, answers on standard output, both JSON.

A case: {"zone": "Europe/Berlin", "crontab": {"minute": "*/5", …} | "solar": [event, latitude, longitude], "last": seconds}
An answer: {"next": seconds | null, "error": text}

As beat does it: ask how much time remains, sleep, ask again, until nothing remains. Beat never sleeps for
longer than five minutes, which matters: before a change of clocks 5.2 is an hour off, and corrects itself on
the way.
"""
import datetime
import json
import sys

import celery
from celery import Celery
from celery.schedules import crontab, solar

UTC = datetime.timezone.utc
LONGEST_SLEEP = 300
# Asking every five minutes for months takes long, and no answer is off by more than the change of clocks.
SURELY = 3 * 3600
apps = {}


def app_in(zone):
    if zone not in apps:
        apps[zone] = Celery("oracle", set_as_current=False)
        apps[zone].conf.timezone = zone
    return apps[zone]


def next_firing(case):
    app = app_in(case["zone"])

    def local(seconds):
        return datetime.datetime.fromtimestamp(seconds, UTC).astimezone(app.timezone)

    now = [local(case["last"])]
    options = {"app": app, "nowfun": lambda: now[0]}
    schedule = crontab(**case["crontab"], **options) if "crontab" in case else solar(*case["solar"], **options)
    last = local(case["last"])
    for _ in range(1000):
        remaining = schedule.remaining_estimate(last).total_seconds()
        if remaining <= 0:
            return now[0].timestamp()
        now[0] = local(now[0].timestamp() + max(min(remaining, LONGEST_SLEEP), remaining - SURELY))
    return None


def answer(case):
    try:
        return {"next": next_firing(case)}
    except Exception as error:
        return {"next": None, "error": "%s: %s" % (type(error).__name__, error)}


json.dump({"celery": celery.__version__, "answers": [answer(case) for case in json.load(sys.stdin)]}, sys.stdout)
