"""Which files may be read and which addresses may be contacted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

# Folders and files that hold secrets by convention; names are compared in lower case.
SECRET_FOLDERS = frozenset(
    re.findall(
        r"\S+", ".ssh .aws .azure .gnupg .gcloud .kube .docker .password-store .git .keyrings"
    )
)
SECRET_FILES = tuple(
    re.findall(
        r"\S+",
        """
        .env .env.* *.env .envrc .netrc _netrc .pgpass .pypirc .npmrc .yarnrc.yml .htpasswd .boto
        .git-credentials .dockercfg .s3cfg .my.cnf .vault-token .*_history kubeconfig
        id_rsa* id_dsa* id_ecdsa* id_ed25519* *.pem *.key *.p12 *.pfx *.p8 *.jks *.keystore *.kdbx
        *.ppk *.gpg *.asc *.age credentials credentials.* *credentials.json client_secret*.json
        service?account*.json secret secret.* secrets secrets.* token token.json token.pickle
        access_tokens* *.tfstate *.tfvars
        """,
    )
)
EXAMPLES = ("*.example", "*.sample", "*.template", "*.dist")
KERNEL_FOLDERS = tuple(Path(folder) for folder in ("/proc", "/sys", "/dev"))


def may_read(path: Path, root: Path) -> bool:
    """Tell whether a file or folder below `root` may be read: inside after links, and no secret.

    A path that does not exist, a device, a pipe and a socket may not.
    """
    try:
        real, real_root = path.resolve(strict=True), root.resolve(strict=True)
        if not (real.is_file() or real.is_dir()):
            return False
    except (OSError, ValueError, RuntimeError):  # missing, NUL in the name, loop of links
        return False
    inside = real.is_relative_to(real_root)
    if not inside or any(real.is_relative_to(folder) for folder in KERNEL_FOLDERS):
        return False
    names = {part.lower() for part in (*real.parts, *path.parts)}
    if names & SECRET_FOLDERS:
        return False
    return not any(_secret_file(name) for name in {path.name.lower(), real.name.lower()})


def _secret_file(name: str) -> bool:
    if any(fnmatchcase(name, pattern) for pattern in EXAMPLES):
        return False
    return any(fnmatchcase(name, pattern) for pattern in SECRET_FILES)


_HOST = re.compile(r"(?!.*\.\.)[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
METADATA_HOSTS = frozenset({"metadata", "metadata.google.internal", "instance-data"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TRANSLATED = ipaddress.ip_network("64:ff9b::/32")  # IPv4 addresses in an IPv6 coat


def allowed(url: str, hosts: Iterable[str]) -> bool:
    """Tell whether a URL may be contacted, given "host", ".suffix" or "host:port" entries.

    "host" means exactly that host, ".suffix" every host below it, without a port the scheme's own
    one. Only https, or http to a loopback host that is listed. Private, link-local and metadata
    addresses are refused even if listed. Names are not resolved: check the address again then.
    """
    if re.search(r"[^!-~]|\\", url):  # blanks, controls, backslashes, look-alike letters
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "@" in parts.netloc or parts.netloc.endswith(":") or not _plausible(host):
        return False
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        return False
    default = 443 if parts.scheme == "https" else 80
    return any(
        _matches(host, port or default, *_entry(listed), default)
        for listed in hosts
        if port != 0  # 0 is no port
    )


def _plausible(host: str) -> bool:
    """Tell whether a host is a plain name, a public address or loopback in its usual form."""
    if host in LOOPBACK:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        # A last part that is a number makes browsers read the whole as an address.
        return bool(
            _HOST.fullmatch(host) and not _NUMBER.fullmatch(last) and host not in METADATA_HOSTS
        )
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped
        or address.sixtofour
        or address.teredo
        or address.scope_id
        or address in _TRANSLATED
        or int(address) < 2**32  # ::a.b.c.d
    ):
        return False
    return address.is_global and not address.is_multicast


def _entry(listed: str) -> tuple[str, int | None]:
    """Split "host:port", "[v6]:port" or a bare host; a bad port matches nothing."""
    listed = listed.strip().lower()
    match = re.fullmatch(r"\[([0-9a-f:.]+)\](?::(\d{1,5}))?|([^:]*):(\d{1,5})", listed)
    if match is None:
        return listed, None
    port = match[2] or match[4]
    return match[1] or match[3] or "", int(port) if port else None


def _matches(host: str, port: int, listed: str, listed_port: int | None, default: int) -> bool:
    if port != (default if listed_port is None else listed_port):
        return False
    return host == listed or (len(listed) > 1 and listed[0] == "." and host.endswith(listed))
