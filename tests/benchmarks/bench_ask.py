"""Speed of an answer: ours through host and client against raw llama-cpp-python, in one run.

    python tests/benchmarks/bench_ask.py [--model qwen2.5-coder-1.5b] [--json FILE]

Every comparison is a ratio of medians from interleaved runs on the same machine; absolute times
depend on it and on what else it does. The model must be there (`codeassist setup`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from codeassist_jupyter import config
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.types import Done, Message, Sampling, Text

FILLER = "The table `orders` has columns order_id, customer, region, amount, day and discount. "
ANSWER_TOKENS = 64


def prompt(tokens: int, nonce: int) -> list[Message]:
    """A chat of about `tokens` tokens that shares no prefix with one of another nonce."""
    text = f"Note {nonce}: " + FILLER * (tokens // 21)
    return [
        Message("system", f"Answer number {nonce} as a helpful coding assistant."),
        Message("user", text + "\nWrite a long Python function that summarises it."),
    ]


def timed(pieces: Iterator[str]) -> tuple[float, float]:
    """Seconds to the first piece, and pieces per second after it."""
    began = time.perf_counter()
    arrivals = [time.perf_counter() for _ in pieces]
    rate = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    return arrivals[0] - began, rate


def ours(client: HostClient, messages: list[Message]) -> tuple[float, float, int]:
    """Time to first token, tokens per second and prompt tokens, as the client sees them."""
    sampling = Sampling(max_tokens=ANSWER_TOKENS)
    usage: list[Done] = []
    began = time.perf_counter()
    first = last = 0.0
    for event in client.chat(messages, sampling=sampling):
        if isinstance(event, Text):
            last = time.perf_counter()
            first = first or last
        elif isinstance(event, Done):
            usage.append(event)
    done = usage[0].usage
    return first - began, (done.completion_tokens - 1) / (last - first), done.prompt_tokens


def raw_engine(model: str, settings: config.Settings, client: HostClient) -> Any:
    """llama-cpp-python's own class, with our batch size, context and threads."""
    from codeassist_jupyter.engine.llama_cpp.amx import refuse_amx
    from codeassist_jupyter.engine.llama_cpp.engine import default_threads

    refuse_amx()  # without this it dies on CPUs with AMX when built by GCC 12
    from llama_cpp import Llama

    speed = client.speed(model)
    cores = default_threads()
    return Llama(
        str(client.model_file(model)),
        n_ctx=settings.context_length,
        n_batch=64,
        n_ubatch=64,
        n_threads=speed.decode_threads if speed else cores,
        n_threads_batch=speed.prefill_threads if speed else cores,
        verbose=False,
    )


def raw(llama: Any, messages: list[Message]) -> tuple[float, float]:
    llama.reset()
    stream = llama.create_chat_completion(
        [{"role": m.role, "content": m.content} for m in messages],
        max_tokens=ANSWER_TOKENS,
        temperature=0.0,
        stream=True,
    )
    return timed(c for c in stream if c["choices"][0]["delta"].get("content"))


def bench_rates(model: str, settings: config.Settings, runs: int) -> dict[str, Any]:
    """Prefill (1,000 tokens to the first one) and decode, ours over raw, pair by pair."""
    client = HostClient(settings)
    llama = raw_engine(model, settings, client)
    prefill, decode, ttfts, rates = [], [], [], []
    ours(client, prompt(60, 0))  # loads the model
    raw(llama, prompt(60, 0))
    for run in range(1, runs + 1):
        messages = prompt(1000, run)
        raw_ttft, raw_rate = raw(llama, messages)
        ttft, rate, _ = ours(client, messages)
        prefill.append(raw_ttft / ttft)
        decode.append(rate / raw_rate)
        ttfts.append(ttft)
        rates.append(rate)
    client.close()
    return {
        "prefill, ours / raw": statistics.median(prefill),
        "decode, ours / raw": statistics.median(decode),
        "time to first token, 1,000 new tokens, p50 (s)": statistics.median(ttfts),
        "time to first token, 1,000 new tokens, p95 (s)": percentile(ttfts, 95),
        "decode (tokens/s)": statistics.median(rates),
    }


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


class Kernel:
    """A real ipykernel, driven as a front end drives it."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel

        # An empty folder: sources of a project would be part of the questions.
        folder = tempfile.mkdtemp()
        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=folder)
        self.run("%load_ext codeassist_jupyter")

    def run(
        self, code: str, during: Callable[[], None] | None = None, store: bool = True
    ) -> tuple[float, str]:
        """Execute; returns the seconds until the prompt is back, and what was printed."""
        printed: list[str] = []

        def hook(msg: dict[str, Any]) -> None:
            if msg["msg_type"] == "stream":
                printed.append(msg["content"]["text"])
            elif msg["msg_type"] == "error":
                raise RuntimeError("\n".join(msg["content"]["traceback"]))

        began = time.perf_counter()
        if during is None:
            self.client.execute_interactive(
                code, output_hook=hook, timeout=600, store_history=store
            )
            return time.perf_counter() - began, "".join(printed)
        self.client.execute(code)
        during()
        began = time.perf_counter()
        self.client.get_shell_msg(timeout=600)
        return time.perf_counter() - began, ""

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=60)
        self.run("%load_ext codeassist_jupyter")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def kernel() -> Iterator[Kernel]:
    started = Kernel()
    try:
        yield started
    finally:
        started.close()


NOTES = "notes = '''" + FILLER * 45 + "'''"
ASK = "%%assist -o answer --max-tokens {n}\n{question}"
USAGE = "print(__import__('json').dumps(__import__('dataclasses').asdict(answer.usage)))"


def ask(kernel: Kernel, question: str, n: int = 24) -> dict[str, Any]:
    kernel.run(ASK.format(n=n, question=question))
    # Not stored: a cell of the benchmark's own would be news for the next question.
    usage: dict[str, Any] = json.loads(kernel.run(USAGE, store=False)[1])
    return usage


def bench_second_question() -> dict[str, Any]:
    """The second question of a notebook, and the first of the same notebook after a restart."""
    with kernel() as k:
        k.run(NOTES)
        first = ask(k, "which columns does the table have?")
        second = ask(k, "and which of them is a date?")
        k.restart()
        k.run(NOTES)
        again = ask(k, "which columns does the table have?")
    return {
        "prompt of the first question (tokens)": first["prompt_tokens"],
        "cold time to first token (s)": first["ttft_ms"] / 1000,
        "second question: share from cache": second["cached_tokens"] / second["prompt_tokens"],
        "second question: time to first token / cold": second["ttft_ms"] / first["ttft_ms"],
        "after a kernel restart: share from cache": again["cached_tokens"] / again["prompt_tokens"],
        "after a kernel restart: time to first token / cold": again["ttft_ms"] / first["ttft_ms"],
    }


def bench_interrupt(runs: int) -> dict[str, Any]:
    """Interrupt at random moments: prompt back, and engine free (one batch is 64 tokens)."""
    random.seed(0)
    back, free = [], []
    client = HostClient(config.load())
    with kernel() as k:
        k.run(NOTES)
        for run in range(runs):
            wait = random.uniform(0.3, 3.0)

            def interrupt(wait: float = wait) -> None:
                time.sleep(wait)
                k.manager.interrupt_kernel()

            code = f"%%assist --no-context\n{run} {FILLER * 8} explain at length"
            back.append(k.run(code, during=interrupt)[0])
            began = time.perf_counter()
            while (client.health(start=False) or {}).get("active"):
                time.sleep(0.002)
            free.append(back[-1] + time.perf_counter() - began)
    return {
        "interrupt → prompt back, p95 (ms)": 1000 * percentile(back, 95),
        "interrupt → engine free, p95 (ms)": 1000 * percentile(free, 95),
    }


LOAD = """
import os, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import psutil
before, began = psutil.Process().memory_info().rss, time.perf_counter()
shell.run_line_magic("load_ext", "codeassist_jupyter")
took = time.perf_counter() - began
print(took * 1000, (psutil.Process().memory_info().rss - before) / 1e6)
"""


def bench_load(runs: int = 7) -> dict[str, Any]:
    """`%load_ext` in new processes."""
    times, sizes = [], []
    for _ in range(runs):
        out = subprocess.run(
            [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True
        )
        took, size = map(float, out.stdout.split())
        times.append(took)
        sizes.append(size)
    return {
        "%load_ext, median (ms)": statistics.median(times),
        "%load_ext, memory (MB)": statistics.median(sizes),
    }


def bench_cold_start(settings: config.Settings) -> dict[str, Any]:
    """No host at all, to the first token of a short question; then who holds which memory."""
    client = HostClient(settings)
    client.shutdown()
    began = time.perf_counter()
    next(
        e
        for e in client.chat([Message("user", "hello")], sampling=Sampling(max_tokens=8))
        if isinstance(e, Text)
    )
    first = time.perf_counter() - began
    health = client.health() or {}
    host = psutil.Process(health["pid"]).memory_info().rss
    client.close()
    with kernel() as k:
        code = "import psutil; print(psutil.Process().memory_info().rss)"
        before = int(k.run(code)[1])
        ask(k, "hello", n=4)
        after = int(k.run(code)[1])
    return {
        "no host → first token (s)": first,
        "memory of the host with its model (MB)": host / 1e6,
        "memory of a kernel before its first question (MB)": before / 1e6,
        "memory that the first question adds to it (MB)": (after - before) / 1e6,
    }


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor()
    load = os.getloadavg()[0]
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, load {load:.1f} at the start"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.environ["CODEASSIST_MODEL"] = args.model
    models = config.load().models_path
    with tempfile.TemporaryDirectory() as home:  # a host of our own, with the measured speeds
        speeds = config.home() / "machine.json"
        os.environ["CODEASSIST_MODELS_DIR"] = str(models)
        os.environ["CODEASSIST_HOME"] = home
        if speeds.exists():
            (Path(home) / "machine.json").write_bytes(speeds.read_bytes())
        settings = config.load()
        table: dict[str, Any] = {"machine": machine(), "model": args.model}
        try:
            table |= bench_load()
            table |= bench_cold_start(settings)
            table |= bench_rates(args.model, settings, args.runs)
            table |= bench_second_question()
            table |= bench_interrupt(20)
        finally:
            HostClient(settings).shutdown()
    for name, value in table.items():
        print(f"| {name} | {value if isinstance(value, str) else format(value, ',.3g')} |")
    if args.json:
        args.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
