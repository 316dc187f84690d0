"""A Flask app whose work is done by a ctq worker in Node. It knows Celery, and nothing of ctq."""

import os

from celery import Celery
from celery.result import AsyncResult
from flask import Flask, redirect, render_template, request, url_for

broker = os.environ.get("CELERY_BROKER_URL", "redis://localhost")
celery = Celery("web", broker=broker, backend=broker)
# The task has no Python code, so its queue is named here, as for every worker of its own kind.
celery.conf.task_routes = {"words.*": {"queue": "node"}}

app = Flask(__name__)


@app.get("/")
def form():
    return render_template("form.html")


@app.post("/")
def start():
    result = celery.send_task("words.count", [request.form["text"]], {"locale": request.form.get("locale") or "en"})
    return redirect(url_for("show", task_id=result.id), code=303)


@app.get("/<uuid:task_id>")
def show(task_id):
    result = AsyncResult(str(task_id), app=celery)
    status = 500 if result.failed() else 200
    return render_template("result.html", result=result), status
