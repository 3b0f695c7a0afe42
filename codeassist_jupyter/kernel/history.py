"""What `%assist` can be told about conversations: list, find, open, mark, export, forget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .. import transcript
from ..errors import UsageError
from ..types import Conversation, Exchange, Remembered, Snippet
from .session import Session, say

_SHOWN_ON_OPEN = 3  # turns
_LISTED = 50

T = TypeVar("T")


def context(session: Session, *words: str) -> None:
    """[QUESTION]: what the next question would carry, part by part, and what was left out"""
    from ..assistant import Question
    from ..prompt import parts

    built = session.assistant.preview(Question(" ".join(words) or "…", session.settings()))
    found = parts(built)
    width = max(len(part.name) for part in found)
    lines = [f"{part.name:<{width}} {part.tokens:>6}  {part.detail}".rstrip() for part in found]
    lines.append(f"{'together':<{width}} {sum(part.tokens for part in found):>6}  tokens, about")
    lines += [f"left out: {what}: no room within the latency budget" for what in built.left_out]
    current = session.chat.conversation
    told = built.journal.numbers.union(built.told.turns)
    older = current.turns - len(told) if current is not None else 0
    if older > 0:
        lines.append(
            f"left out: {_turns(older)} so far; they come back where a question needs them"
        )
    say("\n".join(lines))


def history(session: Session) -> None:
    """conversations of this notebook and project, the latest first"""
    found = _conversations(session)
    current = session.chat.find()
    listed = transcript.listing(found, current.id if current is not None else "")
    say(listed or "Nothing was asked yet.")


def open_conversation(session: Session, number: str) -> None:
    """N: go on with conversation N of the list"""
    chosen = _conversation(session, number)
    session.chat.open(chosen)
    session.assistant.resume()
    session.answer = None
    say(transcript.text(session.memory.exchanges(chosen.id, _SHOWN_ON_OPEN)))
    say(f"\nThe chat goes on from here: {transcript.line_of(chosen.title)}")


def show(session: Session, number: str) -> None:
    """N: all questions and answers of conversation N"""
    say(transcript.text(session.memory.exchanges(_conversation(session, number).id)))


def rename(session: Session, number: str, *words: str) -> None:
    """N TITLE: give conversation N another title"""
    chosen = _conversation(session, number)
    session.chat.rename(chosen, " ".join(words))
    say(f"{transcript.line_of(chosen.title)} is now: {' '.join(words)}")


def delete(session: Session, number: str) -> None:
    """N: erase conversation N"""
    chosen = _conversation(session, number)
    _erase(session, chosen)
    say(f"Erased: {transcript.line_of(chosen.title)} ({_turns(chosen.turns)}).")


def export(session: Session, number: str, file: str) -> None:
    """N FILE: write conversation N as Markdown (.md) or as a notebook (.ipynb)"""
    chosen = _conversation(session, number)
    path = Path(file.strip("\"'")).expanduser()
    transcript.export(path, chosen, session.memory.exchanges(chosen.id))
    say(f"Written: {path}")


def search(session: Session, *words: str) -> None:
    """WORDS: earlier answers by meaning and by word; then `history insert N`"""
    session.found = session.memory.search(" ".join(words).strip("\"'"))
    say(transcript.found(session.found) or "Nothing was found.")


def insert(session: Session, number: str) -> None:
    """N: put the code of hit N into a new cell; it is not run"""
    from ..assistant import code_of

    hit: Remembered = _nth(session.found, number, "%assist history search WORDS")
    code = code_of(hit.exchange.answer)
    if not code:
        raise UsageError(f"hit {number} has no Python code", "Choose another one.")
    session.put(code)
    session.memory.mark(hit.conversation.id, hit.exchange.number, inserted=True)
    for snippet in session.memory.snippets(language="python"):
        place = (snippet.conversation, snippet.number)
        if place == (hit.conversation.id, hit.exchange.number):
            session.memory.use_snippet(snippet.id)


def bookmark(session: Session, number: str = "") -> None:
    """[N]: bookmark the last answer, or conversation N; again takes it away"""
    if number:
        chosen = _conversation(session, number)
        on = not chosen.bookmarked
        session.memory.bookmark(chosen.id, on)
        what = transcript.line_of(chosen.title)
        session.listed = ()  # its mark is old now
    else:
        place, last = _last(session)
        on = not last.bookmarked
        session.memory.mark(place, last.number, bookmarked=on)
        what = transcript.line_of(last.question)
    say(f"{'Bookmarked' if on else 'No longer bookmarked'}: {what}")


def bookmarks(session: Session) -> None:
    """bookmarked conversations and answers of this notebook and project"""
    lines = []
    for number, one in enumerate(_conversations(session), 1):
        if one.bookmarked:
            lines.append(f"{number:>3}  ★ {transcript.line_of(one.title)}")
        answers = [e for e in session.memory.exchanges(one.id) if e.bookmarked]
        lines += [f"{number:>3}  [{e.number}] {transcript.line_of(e.question)}" for e in answers]
    say("\n".join(lines) or "Nothing is bookmarked.")


def snippets(session: Session, *words: str) -> None:
    """[WORDS]: code of earlier answers, the most used first"""
    session.snippets = session.memory.snippets(" ".join(words))[:_LISTED]
    say(transcript.snippets(session.snippets) or "There is no such code.")


def insert_snippet(session: Session, number: str) -> None:
    """N: put snippet N into a new cell; it is not run"""
    chosen: Snippet = _nth(session.snippets, number, "%assist snippets")
    session.put(session.memory.use_snippet(chosen.id).code)


def tag_snippet(session: Session, number: str, *tags: str) -> None:
    """N TAGS: give snippet N these tags"""
    chosen: Snippet = _nth(session.snippets, number, "%assist snippets")
    session.memory.tag_snippet(chosen.id, [tag.strip("#,") for tag in tags])
    say(f"Tagged: {transcript.line_of(chosen.code)}")


def good(session: Session) -> None:
    """the last answer was good: it is found first in future"""
    place, last = _last(session)
    session.memory.mark(place, last.number, feedback=1)
    say("Noted: a good answer.")


def bad(session: Session) -> None:
    """the last answer was bad: it is found last in future"""
    place, last = _last(session)
    session.memory.mark(place, last.number, feedback=-1)
    say("Noted: a bad answer.")


def pin(session: Session) -> None:
    """keep the last question and answer in mind for the whole conversation"""
    place, last = _last(session)
    session.memory.mark(place, last.number, pinned=True)
    session.assistant.mark_important(last.number)
    say(f"Kept in mind: {transcript.line_of(last.question)}")


def forget(session: Session, what: str = "") -> None:
    """last|conversation|project|all: erase from the disk what was said, really"""
    if what == "last":
        say(_forget_last(session))
    elif what == "conversation":
        current = _current(session)
        _erase(session, current)
        say(f"Erased: {transcript.line_of(current.title)} ({_turns(current.turns)}).")
    elif what in ("project", "all"):
        folder = session.project.folder if what == "project" else ""
        count = session.memory.forget(project=folder)
        session.assistant.reset()
        where = "of this project" if folder else "of all projects"
        say(f"Erased: {count} conversation{'s' * (count != 1)} {where}.")
    else:
        hint = "%assist forget last, or conversation, project, all."
        raise UsageError("what is to be forgotten?", hint)
    session.listed, session.found, session.snippets = (), (), ()


def unlock(session: Session) -> None:
    """ask for the passphrase of the encrypted conversations"""
    from getpass import getpass

    try:
        passphrase = getpass("Passphrase: ")
    except (EOFError, NotImplementedError, RuntimeError) as exc:  # no way to ask, says IPython
        raise UsageError(
            "this front end cannot ask for a passphrase",
            "Set CODEASSIST_PASSPHRASE before the host starts.",
        ) from exc
    saved = session.chat.unlock(passphrase)
    say("Unlocked." + (f" {_turns(saved)} that waited: saved." if saved else ""))


def _conversations(session: Session) -> tuple[Conversation, ...]:
    """Those of this notebook, then the project's others; later commands count in this list."""
    notebook = session.chat.notebook
    mine = session.memory.conversations("", notebook, _LISTED) if notebook else ()
    theirs = session.memory.conversations(session.project.folder, "", _LISTED)
    session.listed = tuple({one.id: one for one in (*mine, *theirs)}.values())
    return session.listed


def _conversation(session: Session, number: str) -> Conversation:
    return _nth(session.listed or _conversations(session), number, "%assist history")


def _nth(listed: Sequence[T], number: str, how: str) -> T:
    """The one of that number in the list that `how` shows."""
    if not number.isdecimal() or not 0 < int(number) <= len(listed):
        raise UsageError(f"there is no number {number} in the list", f"{how} shows the numbers.")
    return listed[int(number) - 1]


def _current(session: Session) -> Conversation:
    current = session.chat.find()
    if current is None or not current.turns:
        raise UsageError("nothing was kept in this conversation yet", "Ask something first.")
    return current


def _last(session: Session) -> tuple[str, Exchange]:
    """The conversation and the exchange of the last answer."""
    current, answer = _current(session), session.answer
    if answer is None:
        return current.id, session.memory.exchanges(current.id, 1)[0]
    found = session.memory.exchanges(answer.conversation) if answer.number else ()
    for exchange in found:
        if exchange.number == answer.number:
            return answer.conversation, exchange
    raise UsageError("the last answer was not kept", answer.not_kept)


def _erase(session: Session, conversation: Conversation) -> None:
    session.memory.delete(conversation.id)
    session.listed = ()
    current = session.chat.find()
    if current is not None and current.id == conversation.id:
        session.assistant.reset()


def _forget_last(session: Session) -> str:
    """Copy the conversation without its last exchange, then erase the original."""
    memory, current = session.memory, _current(session)
    place, last = _last(session)
    kept = [one for one in memory.exchanges(place) if one.number != last.number]
    copy = memory.begin(current.project, current.notebook)
    for one in kept:
        memory.save(copy.id, one)
    memory.rename(copy.id, current.title)
    memory.delete(place)
    if kept:
        session.chat.open(copy)
        session.assistant.resume()
    else:
        session.assistant.reset()
    session.answer = None
    return f"Erased: {transcript.line_of(last.question)}"


def _turns(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


# name: (function, least and most number of words after it), as in `commands`
COMMANDS: dict[str, tuple[Callable[..., None], int, int]] = {
    "context": (context, 0, 100),
    "history": (history, 0, 0),
    "history open": (open_conversation, 1, 1),
    "history show": (show, 1, 1),
    "history search": (search, 1, 100),
    "history insert": (insert, 1, 1),
    "history rename": (rename, 2, 100),
    "history delete": (delete, 1, 1),
    "history export": (export, 2, 2),
    "bookmark": (bookmark, 0, 1),
    "bookmarks": (bookmarks, 0, 0),
    "snippets": (snippets, 0, 100),
    "snippets insert": (insert_snippet, 1, 1),
    "snippets tag": (tag_snippet, 2, 20),
    "good": (good, 0, 0),
    "bad": (bad, 0, 0),
    "pin": (pin, 0, 0),
    "forget": (forget, 0, 1),
    "unlock": (unlock, 0, 0),
}
