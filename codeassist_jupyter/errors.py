"""Every error a user can meet, each with a message (what happened) and a hint (what cures it).

CodeAssistError
├── UsageError            the request itself is wrong: unknown option, empty question
├── ConfigError           a setting has a value we cannot use
├── ModelError
│   ├── ModelMissing      no model file is there yet
│   ├── ModelUnknown      no model of that name
│   ├── ModelDamaged      size or SHA-256 differs from the catalogue
│   └── ModelUnusable     the file is whole but this engine cannot run it
├── DownloadError
│   ├── SourceUnreachable a source gave no answer, or the wrong one
│   └── DiskFull          too little space, said before a byte is written
├── EngineError           the engine failed while it worked
│   ├── EngineMissing     the engine's package is not installed
│   ├── ContextOverflow   the prompt is longer than the context
│   ├── SchemaInvalid     the JSON schema or grammar cannot be used
│   └── RemoteError       a remote server refused or broke off
├── HostError
│   ├── HostUnavailable   the host could not be started or reached
│   ├── HostStalled       the host made no progress and was stopped
│   └── HostLost          the host went away in the middle of an answer
├── IndexFailed           the project's index cannot be used
│   ├── IndexBusy         another process has it open
│   └── EmbedderMissing   the package of an optional encoder is not installed
├── MemoryFailed          the store of conversations cannot be used; it is never overwritten
│   ├── MemoryLocked      it is encrypted and the key is not here
│   └── Tampered          a record was changed, swapped or cut by someone else
└── NotAllowed            security said no: path, address
"""

from __future__ import annotations


class CodeAssistError(Exception):
    """Base of all our errors; IPython shows it as one line with a hint and no traceback."""

    hint: str = ""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint

    @property
    def code(self) -> str:
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to print the message in place of a traceback."""
        return [f"CodeAssist: {self}"]


class UsageError(CodeAssistError):
    hint = "`%assist --help` lists the options."


class ConfigError(CodeAssistError):
    hint = "`%assist config` shows each setting and where its value comes from."


class ModelError(CodeAssistError): ...


class ModelMissing(ModelError):
    hint = "Run `codeassist setup` in a terminal once; it fetches and verifies the model."


class ModelUnknown(ModelError):
    hint = "`codeassist models list` shows the names."


class ModelDamaged(ModelError):
    hint = "Run `codeassist models fetch NAME` to fetch it again."


class ModelUnusable(ModelError):
    hint = "Choose another one with `%assist model NAME`."


class DownloadError(CodeAssistError):
    hint = "Run the same command again: it goes on where it stopped."


class SourceUnreachable(DownloadError): ...


class DiskFull(DownloadError):
    hint = "Free some space, or point CODEASSIST_HOME at another disk."


class EngineError(CodeAssistError):
    hint = "`codeassist host logs` has the details."


class EngineMissing(EngineError):
    hint = 'Install the engine: python -m pip install "codeassist-jupyter[local]"'


class ContextOverflow(EngineError):
    """The prompt has `tokens` tokens and only `limit` fit."""

    hint = "Shorten the question, or ask with --no-context or after `%assist reset`."

    def __init__(self, message: str, hint: str | None = None, tokens: int = 0, limit: int = 0):
        super().__init__(message, hint)
        self.tokens = tokens
        self.limit = limit


class SchemaInvalid(EngineError):
    hint = "Give a JSON schema without recursion, or leave it out."


class RemoteError(EngineError):
    hint = "Check CODEASSIST_OPENAI_BASE_URL and the server's own log."


class HostError(CodeAssistError):
    hint = "`codeassist doctor` checks the set-up."


class HostUnavailable(HostError): ...


class HostStalled(HostError):
    hint = "Ask again: a fresh host is started."


class HostLost(HostError):
    hint = "Ask again: a fresh host is started. What had arrived is kept above."


class IndexFailed(CodeAssistError):
    hint = "`codeassist host stop`, then ask again: a damaged index is built anew from your files."


class IndexBusy(IndexFailed):
    hint = "Only the host may open it; `codeassist host status` shows who does."


class EmbedderMissing(IndexFailed):
    hint = 'Install it: python -m pip install "codeassist-jupyter[sentence-transformers]"'


class MemoryFailed(CodeAssistError):
    hint = "`codeassist data where` shows where conversations are kept."


class MemoryLocked(MemoryFailed):
    hint = "Unlock it: %assist unlock, or set CODEASSIST_PASSPHRASE before the host starts."


class Tampered(MemoryFailed):
    hint = "Other records are not affected; restore this one from a backup if you have one."


class NotAllowed(CodeAssistError): ...


def by_code(code: str, message: str, hint: str) -> CodeAssistError:
    """Rebuild the error that another process reported by its class name."""
    pending = [CodeAssistError]
    while pending:
        cls = pending.pop()
        if cls.__name__ == code:
            return cls(message, hint)
        pending.extend(cls.__subclasses__())
    return CodeAssistError(message, hint)
