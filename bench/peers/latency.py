"""Round trips from Python, one after the other: prints p50 and p99 in ms. latency.py <count>"""
import json
import sys
import time

from tasks import add

count = int(sys.argv[1])
times = []
for _ in range(count + count // 10 + 1):
    begin = time.perf_counter()
    add.delay(4, 5).get(timeout=30)
    times.append((time.perf_counter() - begin) * 1000)
warm = sorted(times[-count:])
at = lambda share: warm[min(count - 1, int(count * share))]
print(json.dumps({"p50": at(0.5), "p99": at(0.99)}))
