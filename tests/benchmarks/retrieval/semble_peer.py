"""Runs in semble's own environment: answers the questions of a task on standard input."""

import json
import sys
import time

from semble import SembleIndex
from semble.search import _search_bm25

task = json.loads(sys.stdin.read())
started = time.perf_counter()
index = SembleIndex.from_path(task["root"], model_path=task["model"])
result = {"index_s": time.perf_counter() - started, "places": [], "milliseconds": []}
for question in task["questions"]:
    started = time.perf_counter()
    if task["mode"] == "bm25":
        hits = _search_bm25(question, index._bm25_index, index.chunks, task["top"], None)
    else:
        hits = index.search(question, top_k=task["top"])
    result["milliseconds"].append((time.perf_counter() - started) * 1000)
    result["places"].append(
        [(h.chunk.file_path, h.chunk.start_line, h.chunk.end_line) for h in hits]
    )
print(json.dumps(result))
