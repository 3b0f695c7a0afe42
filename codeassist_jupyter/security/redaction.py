"""Find secrets in text and in names, and put a note in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

SHORTEST_VALUE = 6  # a shorter secret value would blank out ordinary words

# Where a token may begin: not inside a word, but after an escaped line end as in a printed string.
_START = r"(?:(?<![\w-])|(?<=\\[nrt]))"
# Possessive or bounded throughout: each part of the text is looked at a fixed number of times.
_TOKENS = [
    ("aws key", r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("github token", r"gh[pousr]_[A-Za-z0-9]{30,255}+|github_pat_\w{22,255}+"),
    ("gitlab token", r"glpat-[\w-]{20,}+"),
    (
        "api key",
        r"sk-(?:(?:proj|svcacct|admin|ant|or|lf)-[\w-]{20,}+|[A-Za-z0-9]{32,}+)|gsk_[A-Za-z0-9]{40,}+",
    ),
    ("stripe key", r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}+"),
    ("slack token", r"xox[abceoprs]-[\w-]{10,}+|xapp-\d-[\w-]{10,}+"),
    (
        "google key",
        r"AIza[\w-]{35}|ya29\.[\w-]{20,}+|GOCSPX-[\w-]{20,}+",
    ),
    ("hugging face token", r"hf_[A-Za-z0-9]{30,}+"),
    ("package registry token", r"npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}+"),
    ("sendgrid key", r"SG\.[\w-]{16,}+\.[\w-]{16,}+"),
    ("jwt", r"eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+(?:\.[\w-]*+)?"),
]
_TOKEN = re.compile(_START + "(?:" + "|".join(f"({pattern})" for _, pattern in _TOKENS) + ")")
_PEM_NAME = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM = re.compile(
    rf"-----BEGIN {_PEM_NAME}"
    rf"(?:(?:[^-]|-(?!----))*+-----END {_PEM_NAME}|[A-Za-z0-9+/=\s\\]*+)"
)
_SLACK_HOOK = re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[\w/-]{10,}+")
_BEARER = re.compile(
    r"\b((?:bearer|authorization['\"]?[ \t]{0,8}[:=][ \t]{0,8}['\"]?(?:basic|token|apikey))"
    r"[ \t]{1,8})"
    r"(?=[\w.~+/=-]{0,200}\d)[\w.~+/=-]{16,}+",
    re.IGNORECASE,
)
_CREDENTIALS_IN_URL = re.compile(r"(://[^\s/:@'\"]{0,200}:)([^\s/'\"]{1,500})@")
_URL_PARAMETER = re.compile(
    r"([?&](?:[a-z_]{0,20}(?:key|token|secret|password)|sig|signature)=)([^&\s\"'#<>)]{6,}+)",
    re.IGNORECASE,
)

_SECRET_WORD = (
    r"(?P<word>pass(?:word|wd|phrase)|pwd|secret|credentials?|token"
    r"|(?:api|access|secret|private|auth|account|encryption|signing|master|shared|license)[_-]?key)"
)
_SUFFIX = r"(?:[_-]?(?:value|string|str|text|key|base|id))?\d{0,3}"
_QUOTED = re.compile(
    rf"(?P<head>{_SECRET_WORD}{_SUFFIX}['\"]?\]?"  # name, "name", environ["name"]
    r"[ \t]{0,8}(?::[ \t]{0,8}[\w.\[\]| ]{1,40}=|[:!]?={1,2}|:|=>)[ \t]{0,8}[rbuRBU]{0,2})"
    r"(?P<quote>\"\"\"|'''|\"|')(?P<value>(?:\\.|(?!(?P=quote))[^\\\n]){3,}+)(?P=quote)",
    re.IGNORECASE,
)
# Files of settings and the output of `env`: a name, a sign and one word up to the end of the line.
_ENVIRONMENT = re.compile(
    r"^(?P<head>[ \t]{0,20}(?:(?:export|set)[ \t]{1,8})?[A-Z0-9_]{0,60}?"
    r"(?P<word>PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|CREDENTIALS?|TOKEN|KEY)[A-Z0-9_]{0,20}=)"
    r"(?P<value>[^\s\"'()\[\]{}]{6,}+)[ \t]{0,8}$",
    re.MULTILINE,
)
_SETTING = re.compile(
    rf"^(?P<head>[ \t]{{0,20}}(?:-[ \t]{{1,4}})?[\w.-]{{0,60}}?{_SECRET_WORD}{_SUFFIX}"
    r"[ \t]{0,8}[:=][ \t]{0,8})"
    r"(?P<value>[^\s\"'()\[\]{},]{6,}+)[ \t]{0,8}$",
    re.IGNORECASE | re.MULTILINE,
)
_OPTION = re.compile(
    rf"(?P<head>(?<![\w-])--(?:[a-z]{{1,12}}[-_]){{0,3}}{_SECRET_WORD}(?:[ \t]{{1,8}}|=))"
    r"(?P<value>[^\s\"'-][^\s\"']{2,}+)",
    re.IGNORECASE,
)

# Stand-ins that people write where a secret goes.
_PLACEHOLDER = re.compile(
    r"[\[<{$%*.]|x{3,}|your[ _-]|\.\.\.|none$|null$|true$|false$", re.IGNORECASE
)


def redact(text: str, values: Iterable[str] = ()) -> str:
    """Replace keys, tokens, passwords and private keys by "[redacted: kind]".

    `values` are secrets known by value, for example those of variables called *_KEY.
    """
    for value in sorted({v for v in values if len(v) >= SHORTEST_VALUE}, key=len, reverse=True):
        text = text.replace(value, "[redacted: secret]")
    text = _PEM.sub("[redacted: private key]", text)
    text = _TOKEN.sub(lambda match: f"[redacted: {_TOKENS[(match.lastindex or 1) - 1][0]}]", text)
    text = _SLACK_HOOK.sub(r"\1[redacted: slack hook]", text)
    text = _BEARER.sub(r"\1[redacted: authorization]", text)
    text = _CREDENTIALS_IN_URL.sub(_if_real(r"[redacted: password]@"), text)
    text = _URL_PARAMETER.sub(_if_real(r"[redacted: parameter]"), text)
    text = _QUOTED.sub(_quoted, text)
    text = _ENVIRONMENT.sub(_unquoted, text)
    text = _SETTING.sub(_setting, text)
    return _OPTION.sub(_unquoted, text)


def _if_real(note: str) -> Callable[[re.Match[str]], str]:
    """Replace group 2 unless it is a stand-in."""

    def replace(match: re.Match[str]) -> str:
        return match[0] if _PLACEHOLDER.match(match[2]) else match[1] + note

    return replace


def _quoted(match: re.Match[str]) -> str:
    word, value = match["word"].lower(), match["value"]
    if _PLACEHOLDER.match(value) or value[0] in "), \t/~":
        return match[0]
    # A token is a word in a text to many programs: only one that looks random is a secret.
    if word == "token" and not (len(value) >= 8 and re.search(r"\d", value) and " " not in value):
        return match[0]
    return f"{match['head']}{match['quote']}[redacted: {_kind(word)}]{match['quote']}"


def _unquoted(match: re.Match[str]) -> str:
    value = match["value"]
    if _PLACEHOLDER.match(value) or value[0] in "/~=":
        return match[0]
    return f"{match['head']}[redacted: {_kind(match['word'].lower())}]"


def _setting(match: re.Match[str]) -> str:
    """Redact an unquoted lower-case setting only where it cannot be a name in a program."""
    value = match["value"]
    if match["word"].lower() == "token" and re.fullmatch(r"[\d.]+", value):
        return match[0]  # a number of a token
    if re.fullmatch(r"[A-Za-z_][\w.|]*", value):
        mixed = all(re.search(pattern, value) for pattern in (r"\d", "[a-z]", "[A-Z]"))
        ends_in_digits = match["word"].lower().startswith("pass") and re.search(r"\d", value)
        is_random = len(value) >= 20 and mixed and "." not in value and "_" not in value
        if not is_random and not (ends_in_digits and ":" in match["head"]):
            return match[0]
    return _unquoted(match)


def _kind(word: str) -> str:
    if word.startswith("pass") or word == "pwd":
        return "password"
    return "key" if word.endswith("key") else word.removesuffix("s")


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = re.compile(
    "(?:password|passwd|passphrase|pwd|secret|credential)s?$"
    "|(?:api|secret|access|private|auth)key$|(?:auth|access)token$"
)
_AT_THE_END = frozenset({"token", "key", "jwt", "pw"})
_AFTER_THE_END = frozenset({"value", "str", "string", "text", "hash", "base", "hex", "b64"})
# Keys of tables and programs, not of doors.
_HARMLESS_KEYS = re.compile(
    "primary|foreign|sort(ing)?|group|join|dict|cache|partition|index|natural|surrogate|merge|map"
    "|lookup|row|col(umn)?|unique|composite|hash|by|the|first|last|json|yaml"
)


def secret_name(name: str) -> bool:
    """Tell whether a variable, column or setting of this name is likely to hold a secret."""
    words = [word.lower() for word in _WORDS.findall(name[:200]) if not word.isdigit()]
    if any(_ALWAYS.search(word) for word in words):
        return True
    while len(words) > 1 and words[-1] in _AFTER_THE_END:
        words.pop()
    if not words or words[-1] not in _AT_THE_END:
        return False
    if words[-1] == "key":
        return len(words) > 1 and not _HARMLESS_KEYS.fullmatch(words[-2])
    return True
