"""Sends tasks one after the other and prints how many a second: enqueue.py <count>"""
import sys
import time

from tasks import add

count = int(sys.argv[1])
for x in range(count // 10):
    add.apply_async((x, 1))
begin = time.perf_counter()
for x in range(count):
    add.apply_async((x, 1))
print(count / (time.perf_counter() - begin))
