"""How events travel: OpenAI's chunks, with what OpenAI has no name for under `codeassist`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ..errors import CodeAssistError, ContextOverflow, by_code
from ..types import Done, Event, Failed, Progress, Text, Usage

FINISH = {"stop": "stop", "length": "length", "cancelled": "stop", "repetition": "length"}


def chunk(event: Event, answer_id: str, model: str, created: int, kind: str = "chat") -> str:
    """Encode one event as the JSON of a chunk of a chat (or of a text completion)."""
    payload: dict[str, Any] = {
        "id": answer_id,
        "object": "chat.completion.chunk" if kind == "chat" else "text_completion",
        "created": created,
        "model": model,
    }
    text = event.text if isinstance(event, Text) else ""
    choice: dict[str, Any] = {"index": 0, "finish_reason": None}
    if kind == "chat":
        choice["delta"] = {"content": text} if text else {}
    else:
        choice["text"] = text
    payload["choices"] = [choice]
    if isinstance(event, Progress):
        payload["codeassist"] = {"progress": asdict(event)}
    elif isinstance(event, Done):
        choice["finish_reason"] = FINISH[event.reason]
        payload["usage"] = openai_usage(event.usage)
        payload["codeassist"] = {"done": {"reason": event.reason, "usage": asdict(event.usage)}}
    elif isinstance(event, Failed):
        payload["error"] = asdict(event)
        payload["codeassist"] = {"failed": asdict(event)}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def event(data: str) -> Event | None:
    """Decode what `chunk` or `error` made; raises the error in it, ValueError for anything else."""
    payload = json.loads(data)
    try:
        extra = payload.get("codeassist") or {}
        if "progress" in extra:
            return Progress(**extra["progress"])
        if "done" in extra:
            return Done(extra["done"]["reason"], Usage(**extra["done"]["usage"]))
        if "failed" in extra:
            return Failed(**extra["failed"])
        if "error" in payload:
            raise raised(payload)
        choice = payload["choices"][0]
        text = choice["delta"].get("content") if "delta" in choice else choice["text"]
        return Text(text) if text else None
    except (AttributeError, KeyError, IndexError, TypeError) as exc:
        raise ValueError(f"not one of our chunks: {data[:200]}") from exc


def error(exc: CodeAssistError) -> dict[str, Any]:
    """Encode an error as the body of a response or the last chunk of a stream."""
    body: dict[str, Any] = {"code": exc.code, "message": exc.message, "hint": exc.hint}
    if isinstance(exc, ContextOverflow):
        body |= {"tokens": exc.tokens, "limit": exc.limit}
    return {"error": body}


def raised(payload: dict[str, Any]) -> CodeAssistError:
    """Rebuild the error that `error` encoded."""
    body = payload["error"]
    exc = by_code(str(body["code"]), str(body["message"]), str(body.get("hint", "")))
    if isinstance(exc, ContextOverflow):
        exc.tokens, exc.limit = int(body.get("tokens", 0)), int(body.get("limit", 0))
    return exc


def openai_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
