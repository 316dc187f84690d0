"""Records how Python and Celery print values: test/captures/python-repr.json.

Run with a Python that has Celery: python3 test/support/python/record_repr.py > test/captures/python-repr.json
Values are given as JSON, so that both sides start from the same text; floats always have a fraction.
"""
import json
import random
import sys

from celery.utils.saferepr import saferepr

random.seed(20261121)

CHARS = ["a", "b", " ", "'", '"', "\\", "\n", "\t", "\r", "\x00", "\x7f", "\x85", "\xa0", "\xad", "é", "你", "😀", "\u2028", "\u200b", "\ufeff", "\u0301", "\ue000", "\U000e0001"]


def text(longest):
    return "".join(random.choice(CHARS) for _ in range(random.randrange(longest)))


def value(depth):
    kind = random.randrange(10 if depth > 0 else 7)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.randrange(-10**random.randrange(1, 15), 10**random.randrange(1, 15))
    if kind == 2:
        return random.randrange(2**60, 2**90) * random.choice([1, -1])
    if kind == 3:
        return random.choice([0.5, 1e-5, 1.5e-7, 1e-300, 2.5e-05, 0.0001, 0.00012, 123456.789, -0.1, 1e-10, 4.35, 1 / 3])
    if kind in (4, 5):
        return text(random.choice([3, 10, 40]))
    if kind == 6:
        return "word " * random.randrange(60)
    if kind == 7:
        return {text(6): value(depth - 1) for _ in range(random.randrange(5))}
    return [value(depth - 1) for _ in range(random.randrange(6))]


FIXED = [
    [], {}, "", "it's", 'say "hi"', "both ' and \"", "back\\slash", [[]], [[[[1]]]], {"a": {"b": {"c": {"d": 1}}}},
    "x" * 1023, "x" * 1024, "x" * 1025, "x" * 3000, ["x" * 1019, 1], ["x" * 1020, 1], ["x" * 1021, 1], ["x" * 1022, 1], ["x" * 1018, [1], 2],
    ["x" * 1017, {"k": 1}, 2], list(range(500)), {str(n): n for n in range(300)}, ["word " * 300], "😀" * 1100, ["😀" * 600, "😀" * 600],
    {"k" * 1100: 1}, [["a" * 400, "b" * 400], ["c" * 400, ["d"]], "e"],
]

vectors = []
for item in FIXED + [value(4) for _ in range(150)]:
    vectors.append({"value": item, "repr": repr(item), "saferepr": saferepr(item, 1024), "levels": 3, "length": 1024})
for _ in range(150):
    item, length, levels = value(5), random.randrange(1, 60), random.randrange(1, 6)
    vectors.append({"value": item, "repr": repr(item), "saferepr": saferepr(item, length, levels), "levels": levels, "length": length})

json.dump(vectors, sys.stdout, separators=(",", ":"))
