"""Texts without the secrets in them: the one place where a password, a token or a key becomes `***`. Pure.

A secret is recognized by its form (`user:password@`, a query, a header, a key, a JSON), also in a malformed value; and
by its text, known from a setting or a variable, in every encoding in which a server or a library repeats it. A text
that is masked twice stays as it is. Of two ways to read a text, the one that shows less counts.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from functools import cache
from urllib.parse import quote, quote_plus, unquote

from taxi_luigi.core.text import unwrapped

MASK = "***"

SECRET_NAME = re.compile(
    r"passw|pwd|secret|token|credential|(^|[_-])key($|[_-])|(api|account)key|connection_?string|^sig$|signature",
    re.IGNORECASE,
)
"""names of settings, variables and parameters of a query whose values are secrets"""

_SHORTEST, _SHORTEST_WORD = 6, 12
"""characters of a secret that is masked in every text, and of one that is a word in lower case: a password like
`postgres` would mask the names of things"""
_SHORTEST_NEAR = 3
"""the same in messages of the server that the secret belongs to"""

_PEM = re.compile(r"-----BEGIN[\s\S]*?(?:-----END[A-Z ]*-----|\Z)")
_JSON = re.compile(r'\{\s*\\?"[^{}"]*"\s*:')
_DECODER = json.JSONDecoder()
_ACCOUNT = re.compile(r"auth|user|account|cert", re.IGNORECASE)
_WORD = re.compile(r"[a-z]{0,12}|[0-9.,-]{0,12}")
_KEYS = re.compile(
    r"\bAIza[\w-]{30,}|\bya29\.[\w.-]+|\bgh[a-z]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[a-z]-[\w-]{8,}"
    r"|\beyJ[\w-]{8,4000}\.[\w-]+(?:\.[\w-]*)?|\b(?:AKIA|ASIA)[0-9A-Z]{12,}(?:[:/][\w/+=]+)?"
    r"|\b(?:eyJ|ewo)[A-Za-z0-9+/=]{40,}"
    r"|(?<![\w/+=])[A-Za-z0-9+/]{86}==(?![\w/+=])"
    r"|(?<![\w/+=.-])(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])(?=[\w/+]*\d)[A-Za-z0-9][A-Za-z0-9/+]{39}(?![\w/+=.-])"
)
"""of Google, GitHub, Slack, Azure's accounts (64 bytes in Base64) and AWS, whose secret keys have 40 letters; a JSON
web token; a JSON in Base64"""
_CODED_KEY = re.compile(r"\s*(?:eyJ|ewo)[A-Za-z0-9+/=\s]{40,}")
_BASIC = re.compile(r"\b(basic\s+)([A-Za-z0-9+/_-]{6,}=*)", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer\s+|authorization:\s*(?!basic)\w+\s+)(?=\S*\d)[\w.~+/=-]{8,}", re.IGNORECASE)
_NAMED = re.compile(
    r"""((?:(?:passwo?r?d|passwd|passphrase|pwd|secret|token|api_?key|access_?key|account_?key|private_?key)\w{0,64}"""
    r"""|\b(?:sig|signature))["']?\s*(?:=|:(?!//))\s*)"""
    r"""(?!\*\*\*|["']?\$\{)(?:'[^']*'|"[^"]*"|[^\s;&,'"]+)""",
    re.IGNORECASE,
)
"""`password = …`, `AccountKey=…`; a variable's name is none"""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,64}:/+")
"""of a scheme, as of a word above, so many letters that a long text takes no time by its square"""
_BEFORE = re.compile(r"""[\s/"'(\[=,;<>`]""")
_END = re.compile(r"""[)\]}>"'`,;:.…]*$""")
_EXAMPLE = "USER:PASSWORD@HOST"
"""as messages have it"""
_PAGES = ("https://console.cloud.google.com/", "https://s3.console.aws.amazon.com/")
"""of consoles, whose query names the job or the object"""

_USERS = ("postgres",)
"""how schemes begin whose user, without a password, is a plain name; of others it may be a token"""

_known: set[str] = set()


def remember(secrets: Iterable[str]) -> None:
    """Mask these secrets from now on in every text and encoding, in this process and those that it forks."""
    for secret in secrets:
        plain = secret.isalpha() and secret.islower()
        if secret not in _known and len(secret) >= (_SHORTEST_WORD if plain else _SHORTEST):
            _known.add(secret)


def forget() -> None:
    """Forget the secrets of `remember`."""
    _known.clear()


def redact(text: str, *addresses: str) -> str:
    """Return the text without secrets; those of `addresses` are masked however short they are."""
    near = {each for address in addresses for each in secrets_of(address)}
    text = without(text, near | _known)
    if "-----BEGIN" in text:
        text = _PEM.sub(MASK, text)
    if "{" in text:
        text = _without_objects(text)
    text = _BASIC.sub(_basic, text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _KEYS.sub(MASK, text)
    if ":" in text and ("@" in text or "?" in text or "#" in text or ":/" in text):
        text = "\n".join(_line(line) if ":" in line else line for line in text.split("\n"))
    return _NAMED.sub(rf"\1{MASK}", text)


def _without_objects(text: str) -> str:
    """Return the text up to the first JSON object, as key files are, that has more than plain parameters."""
    start = 0
    while found := _JSON.search(text, start):
        try:
            fields, start = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):  # cut short, escaped or deep: all that follows may be part of it
            fields = None
        if fields is None or not all(_is_plain(name, value) for name, value in fields.items()):
            return text[: found.start()] + MASK
    return text


def _is_plain(name: str, value: object) -> bool:
    """Whether a field of a JSON object is a parameter such as `"color": "green"`, in which no secret can be."""
    private = SECRET_NAME.search(name) or _ACCOUNT.search(name)
    return not private and (value is None or isinstance(value, int | float) or _WORD.fullmatch(str(value)) is not None)


def public_url(address: str) -> str:
    """Return a URL or a template of one without user, password, query and fragment; a path as it is."""
    found = _URL.match(address)
    return _address(found[0], address[found.end() :], whole=True) if found and found[0][:5] != "file:" else address


def value(text: str) -> str:
    """Return a setting's whole value on one line, masked further than in a sentence, as a secret may end anywhere."""
    shown = unwrapped(text)
    if looks_like_key(shown):
        return MASK
    found = _URL.search(shown)
    if found:
        shown = shown[: found.start()] + _address(found[0], shown[found.end() :], whole=True)
    elif ":" in shown.rpartition("@")[0]:
        shown = MASK + "@" + shown.rpartition("@")[2]
    if not found:
        shown = re.sub(r"\?(?=[^?]*=).*", f"?{MASK}", shown)
    named = _NAMED.search(shown)
    return redact(shown[: named.end(1)] + MASK if named else shown)


def typed(text: str) -> str:
    """Return a whole value as it was typed, with its blanks, unless there is a secret in it."""
    shown = value(text)
    return text if shown == unwrapped(text) else shown


def looks_like_key(text: str) -> bool:
    """Whether a text is the content of a key file rather than the name of one."""
    return "-----BEGIN" in text or (text.lstrip()[:1] == "{" and '"' in text) or bool(_CODED_KEY.fullmatch(text))


def without(text: str, secrets: Iterable[str]) -> str:
    """Return the text without these secrets, in every encoding; nothing else is masked."""
    for secret in sorted(secrets, key=len, reverse=True):
        plain, coded = _forms(secret)
        text = plain.sub(MASK, text)
        for form in coded:
            if form in text:  # with all that it is coded together with
                text = re.sub(rf"[A-Za-z0-9+/_-]*{re.escape(form)}[A-Za-z0-9+/_=-]*", MASK, text)
    return text


def secrets_of(address: str) -> set[str]:
    """Return the secrets of an address: password (plain, and as in a header), a lone user, the query's values."""
    found = _URL.search(address)
    scheme, rest = (found[0].lower(), address[found.end() :]) if found else ("", address)
    database = scheme.startswith(_USERS)
    user = rest.rpartition("@")[0] if _userinfo(rest) else ""
    name, _, password = user.partition(":")
    texts = [password, user] if password else [] if database else [name]
    for part in re.split(r"[?#]", rest[len(user) :], maxsplit=1)[1:]:
        pairs = [pair.partition("=") for pair in re.split(r"[&#;]", part)]
        texts += [text for key, _, text in pairs if not database or SECRET_NAME.search(key)]
        texts += [] if database else [part]
    secrets = {each for text in texts for each in (text, unquote(text)) if len(each) >= _SHORTEST_NEAR}
    if password:
        pair = f"{unquote(name)}:{unquote(password)}".encode(errors="surrogateescape")
        secrets.add(base64.b64encode(pair).decode())
    return secrets


def parts_of(secret: str) -> set[str]:
    """Return the secret values in one that has fields, a connection string or a SAS, as they are and decoded.

    A server's message may repeat one of them, and a URL have them in another order.
    """
    pairs = [part.partition("=") for part in re.split(r"[;&?]", secret)]
    found = {text for name, _, text in pairs if SECRET_NAME.search(name)}
    return {each for text in found for each in (text, unquote(text)) if each}


def _line(text: str) -> str:
    """Return a line with each address and each `user:password@host` masked."""
    done = ""
    while found := _URL.search(text):
        before, rest = text[: found.start()], text[found.end() :]
        end = _end_of_address(rest)
        done += _words(before) + _address(found[0], rest[:end])
        text = rest[end:]
    return done + _words(text)


def _end_of_address(rest: str) -> int:
    """Return where an address ends in a line: at a blank or, where a malformed password has blanks, at the @ after."""
    word = re.match(r"\S*", rest)
    end = word.end() if word else 0
    bare = _END.sub("", rest[:end])
    host = re.split(r"[/?#]", bare, maxsplit=1)[0]
    if "@" not in bare and not host.startswith("[") and re.search(r":(?!\d+$|\*|PORT$)[^\]]", host):
        more = re.match(r"[^@]{0,200}@\S*", rest)
        end = more.end() if more else end
    return end


def _address(scheme: str, rest: str, whole: bool = False) -> str:
    tail = "" if whole else _END.search(rest)[0]  # type: ignore[index]
    rest = rest[: len(rest) - len(tail)]
    lone_user = scheme.lower().startswith(_USERS) and re.fullmatch(r"[\w.-]+@[^@]*", rest)
    if _userinfo(rest) and not lone_user and not rest.startswith(_EXAMPLE):
        rest = MASK + "@" + rest.rpartition("@")[2]
    host, slash, path = re.match(r"([^/?#]*)([/?#]?)([\s\S]*)", rest).groups()  # type: ignore[union-attr]
    if not host.startswith(("[", MASK + "@[")) and scheme.lower() != "file:///":
        # What is no port may be half a password
        host = re.sub(r":(?!\d*$|\{|PORT$|PASSWORD@HOST)[\s\S]*", f":{MASK}", host)
    rest = host + slash + path
    if not (scheme + rest).startswith(_PAGES):
        rest = re.sub(r"[?#](?!\*\*\*)[\s\S]+", f"?{MASK}", rest)
    return scheme + rest + tail


def _userinfo(rest: str) -> bool:
    """Whether the part behind the scheme has a user before its last @, rather than an @ in its path."""
    before = rest.rpartition("@")[0]
    first = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return bool(before) and ("@" in first or ":" in first)


def _words(text: str) -> str:
    return re.sub(r"\S+", lambda found: _word(found[0]), text) if "@" in text else text


def _word(word: str) -> str:
    """Mask `user:password@host`, perhaps behind a quote or a folder; not `mailto:you@example.com`."""
    colon, at = word.find(":"), word.rfind("@")
    if colon < 0 or colon > at or word[:colon].endswith("mailto"):
        return word
    begins = [found.end() for found in _BEFORE.finditer(word, 0, colon)]
    return word[: begins[-1] if begins else 0] + MASK + word[at:]


def _basic(found: re.Match[str]) -> str:
    """Mask basic authentication, which the words `basic understanding` are not."""
    coded = found[2].rstrip("=")
    try:
        decoded = base64.b64decode(coded[: len(coded) // 4 * 4], altchars=b"-_" if re.search("[-_]", coded) else None)
    except (binascii.Error, ValueError):
        return found[0]
    return found[1] + MASK if b":" in decoded else found[0]


@cache
def _forms(secret: str) -> tuple[re.Pattern[str], frozenset[str]]:
    """Return the encodings of a secret: plain, URL, JSON, HTML and Python in any case; Base64 at any offset."""
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret)}
    plain |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    coded: set[str] = set()
    raw = secret.encode(errors="surrogateescape")
    if len(raw) >= _SHORTEST:
        for before in range(3):  # on which Base64 depends
            text = base64.b64encode(b"\0" * before + raw).decode()
            # The first letters and the last also hold bits of what is beside the secret
            form = text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
            coded |= {form, form.translate(str.maketrans("+/", "-_"))}
    longest_first = sorted(plain, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE), frozenset(coded)


# ---- command lines

_SECRET = re.compile(r"--(notify-[uhc]\S*|\S*(passw|secret|token|key|credential))", re.IGNORECASE)
"""options whose value is a secret: addresses that hold passwords, also abbreviated, and those of users' own tasks"""


def shown_command(arguments: Sequence[str]) -> str:
    """Return the arguments of `luigi` without `--module taxi_luigi`, quoted as for a shell."""
    shown: list[str] = []
    before = ""
    for word, given in zip(masked_arguments(arguments), arguments, strict=True):
        if before != "--module" and given.split("=")[0] != "--module":
            shown.append(word)
        before = given
    return " ".join(map(_quoted, shown))


def masked_arguments(arguments: Sequence[str]) -> list[str]:
    """Return all of the arguments, with *** in the place of each secret."""
    return [_masked(word, before) for word, before in zip(arguments, ("", *arguments), strict=False)]


def _quoted(word: str) -> str:
    """Quote a word for a shell, but not for the asterisks of a mask."""
    bare = word.replace(MASK, "x")
    return word if shlex.quote(bare) == bare else shlex.quote(word)


def _masked(word: str, before: str) -> str:
    if not word.startswith("-"):
        return MASK if _SECRET.match(before) and "=" not in before else typed(word)
    option, equals, given = word.partition("=")
    return f"{option}={MASK}" if equals and _SECRET.match(option) else f"{redact(option)}{equals}{typed(given)}"
