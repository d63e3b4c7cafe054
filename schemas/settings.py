"""How an installation is set up: one file and the environment, read once at start."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, ValidationError, convert, field, structs

from schemas.errors import InvalidSettings
from schemas.quantities import Name
from schemas.spelling import did_you_mean

FILE = "learning.toml"
PREFIX = "LEARNING_"
BROKER = ("RQ_REDIS_URL", "REDIS_URL")
"""Where the broker's address stands, the first that is set: the names that RQ reads too."""

TRADING = frozenset({"LEARNING_DATA_COLLECTION", "LEARNING_APPLY_PARAMETERS", "LEARNING_INTEGRATION_ENABLED"})
"""The trading side's switches: known here, read there."""


class Mode(Enum):
    """What the gate may do: learn and publish nothing, ask a person, or act."""

    OBSERVE = "observe"
    ADVISE = "advise"
    ACT = "act"


class LogFormat(Enum):
    """For machines or for people."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(Enum):
    """The least severe line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(Struct, frozen=True, kw_only=True):
    """How this installation is set up. Never changes while a process runs.

    Attributes:
        redis_url: the broker; empty where nobody named one, then ``learning up`` brings its own.
        store_url: the database, ``sqlite:///PATH`` or ``postgresql://...``.
        prefix: stands before the names of streams, channels and keys, and separates environments (``paper:``).
        mode: what the gate may do.
        registries: TOML files of parameters, one a strategy, relative to the folder that commands run in.
        batch: events a turn takes at most. A turn reads what is there and never waits to fill up.
        claim_after_seconds: after this long an entry of a silent worker is taken over by another.
        block_ms: how long a worker waits at the broker for the first event.
        log, log_level: how log lines are written, and from which severity on.
        stages: names of the daily cycle's stages in the order wanted; None takes them as they come.
        data_dir: where the embedded broker and all that is generated keeps its files.
        max_event_bytes: a longer event is refused.
        future_tolerance_seconds: an event that lies further in the future is refused.
        heartbeat_seconds: how often a worker says that it lives.
        newer_days: how long an event of a newer schema waits for a newer engine, before it is refused.
        keep_days: how long the streams keep what every group has read.
        keep_megabytes: of that the streams keep no more than so much, all together.
        health_every_seconds: how often health looks at everything.
        health_silent_seconds: what has not been heard, or not answered, for so long is silent; a worker has at least
            three heartbeats.
        health_start_seconds: so long a worker may take to be heard for the first time, or again after it said goodbye.
        health_turn_seconds: a worker's turn that takes longer is told.
        health_wait_seconds: an entry that a group has not taken in for so long is told; ten times as long is critical.
        health_group_hours: a group that nobody has read as for so long is told.
        health_dead_letters: so many refused entries within an hour are critical; a single open one is told.
        health_outbox_seconds: a letter that waits longer is told; ten times as long is critical.
        health_memory_share: of the broker's memory, from which on it is told; three quarters on to full it is critical.
        health_free_gigabytes: room on the store's disk below which it is told; a tenth of it is critical.
        health_commit_seconds: a commit that takes longer is told.
        health_version_seconds: a trading process that still runs another version so long after a new one is told.
        health_clock_seconds: a process of ours or of trading whose clock differs by more is told.
        health_keep_days: how long the history of health is kept.
        metrics_address: ``HOST:PORT`` at which Prometheus finds the metrics; empty serves none.
    """

    redis_url: Annotated[str, Meta(pattern=r"^((redis|rediss|unix)://\S+)?\Z")] = ""
    store_url: Annotated[str, Meta(pattern=r"^(sqlite|postgres(ql)?)(\+\w+)?://\S*\Z")] = "sqlite:///var/learning.db"
    prefix: Annotated[str, Meta(max_length=50, pattern=r"^[A-Za-z0-9_.:\-]*\Z")] = ""
    mode: Mode = Mode.OBSERVE
    registries: Annotated[list[str], Meta(min_length=1, max_length=100)] = field(
        default_factory=lambda: ["parameters/scanner.toml"]
    )
    batch: Annotated[int, Meta(ge=1, le=10_000)] = 500
    claim_after_seconds: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 15.0
    block_ms: Annotated[int, Meta(ge=1, le=5_000)] = 100
    log: LogFormat = LogFormat.CONSOLE
    log_level: LogLevel = LogLevel.INFO
    stages: list[Name] | None = None
    data_dir: Path = Path("var")
    max_event_bytes: Annotated[int, Meta(ge=1_024, le=64 * 2**20)] = 2**20
    future_tolerance_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 300.0
    heartbeat_seconds: Annotated[float, Meta(gt=0.0, le=60.0)] = 1.0
    newer_days: Annotated[float, Meta(ge=0.0, le=3_650.0)] = 7.0
    keep_days: Annotated[float, Meta(gt=0.0, le=3_650.0)] = 7.0
    keep_megabytes: Annotated[float, Meta(gt=0.0, le=1e6)] = 1_024.0
    health_every_seconds: Annotated[float, Meta(ge=0.1, le=60.0)] = 0.5
    health_silent_seconds: Annotated[float, Meta(ge=0.5, le=3_600.0)] = 3.0
    health_start_seconds: Annotated[float, Meta(ge=0.0, le=3_600.0)] = 20.0
    health_turn_seconds: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 60.0
    health_wait_seconds: Annotated[float, Meta(gt=0.0, le=864_000.0)] = 60.0
    health_group_hours: Annotated[float, Meta(gt=0.0, le=87_600.0)] = 24.0
    health_dead_letters: Annotated[int, Meta(ge=1)] = 100
    health_outbox_seconds: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 30.0
    health_memory_share: Annotated[float, Meta(gt=0.0, lt=1.0)] = 0.8
    health_free_gigabytes: Annotated[float, Meta(ge=0.0, le=1e6)] = 1.0
    health_commit_seconds: Annotated[float, Meta(gt=0.0, le=60.0)] = 1.0
    health_version_seconds: Annotated[float, Meta(gt=0.0, le=31_536_000.0)] = 600.0
    health_clock_seconds: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 5.0
    health_keep_days: Annotated[float, Meta(gt=0.0, le=3_650.0)] = 30.0
    metrics_address: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_.\-]+:[0-9]{1,5})?\Z")] = ""

    @property
    def redis_url_shown(self) -> str:
        """``redis_url`` with its password hidden: the only form that may be printed or logged."""
        return without_password(self.redis_url)

    @property
    def store_url_shown(self) -> str:
        """``store_url`` with its password hidden: the only form that may be printed or logged."""
        return without_password(self.store_url)

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, f"{name}_shown" if name in _SECRET else name)) for name in self.__struct_fields__]


_SECRET = frozenset({"redis_url", "store_url"})
_FIELDS = {each.name: each.type for each in structs.fields(Settings)}
_EXAMPLES = {
    "redis_url": "redis://127.0.0.1:6379/0",
    "store_url": "sqlite:///var/learning.db",
    "prefix": "paper:",
    "metrics_address": "127.0.0.1:9464",
}
_LISTS = frozenset({"registries", "stages"})
_VARIABLES = {f"{PREFIX}{name.upper()}": name for name in _FIELDS if name != "redis_url"}


class _Given(NamedTuple):
    """A value as it was written, and where."""

    key: str
    value: Any
    place: str


def settings_from(environ: Mapping[str, str], *, folder: Path) -> Settings:
    """The settings of ``learning.toml`` in ``folder``, where there is one, with the environment on top.

    A key of the file is a variable in the environment: ``batch`` is ``LEARNING_BATCH``; lists are separated by
    commas. The broker's address is ``RQ_REDIS_URL``, else ``REDIS_URL``.

    Raises:
        InvalidSettings: a name that nobody knows, with the nearest right one; or a value that does not fit.
    """
    given = [*_from_file(folder / FILE), *_from_environment(environ)]
    return Settings(**{each.key: _converted(each) for each in given})


def without_password(url: str) -> str:
    """``url`` with every password in it replaced by ``***``."""
    url = re.sub(r"(://[^:/?#@]*:).*@", r"\1***@", url)
    return re.sub(r"(password=)[^&#]*", r"\1***", url, flags=re.IGNORECASE)


def _from_file(path: Path) -> Iterator[_Given]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise InvalidSettings(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{path} is not TOML: {error}") from error
    for key, value in table.items():
        if key not in _FIELDS:
            raise InvalidSettings(f"{path}: there is no setting {key!r}; {did_you_mean(key, _FIELDS)}")
        yield _Given(key, value, f"{path}, {key}")


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    for name in sorted(environ):
        if name == f"{PREFIX}REDIS_URL":
            raise InvalidSettings(f"{name} is not read; set {BROKER[0]}, which `rq worker` reads too")
        if name.startswith(PREFIX) and name not in _VARIABLES and name not in TRADING:
            raise InvalidSettings(
                f"environment variable {name}: there is no such setting; {did_you_mean(name, {*_VARIABLES, *TRADING})}"
            )
    for name, key in _VARIABLES.items():
        if name in environ:
            text = environ[name]
            yield _Given(key, _words(text) if key in _LISTS else text, name)
    for name in BROKER:
        if environ.get(name):
            yield _Given("redis_url", environ[name], name)
            return


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _converted(given: _Given) -> Any:
    try:
        return convert(given.value, _FIELDS[given.key], strict=False, dec_hook=lambda kind, raw: kind(raw))
    except (ValidationError, TypeError) as error:
        shown = "" if given.key in _SECRET else f" = {given.value!r}"
        raise InvalidSettings(f"{given.place}{shown}: {error}{_right_form(given.key)}") from error


def _right_form(key: str) -> str:
    kind = _FIELDS[key]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"; write {', '.join(str(member.value) for member in kind)}"
    return f"; write such as {_EXAMPLES[key]}" if key in _EXAMPLES else ""
