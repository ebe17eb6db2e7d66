"""Structured logs: one fact a line, with fields, and never a secret."""

import logging
import sys
from typing import Any

import structlog

# Whatever a caller passes by mistake under such a name is blotted out before it is written.
_SECRET_FIELDS = frozenset(
    {
        "password",
        "token",
        "secret",
        "client_secret",
        "authorization",
        "card",
        "number",
        "cvc",
        "email",
        "payload",
    }
)


def _blot_out_secrets(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in _SECRET_FIELDS & event.keys():
        event[name] = "…"
    return event


def configure_logging(*, level: str = "INFO", as_json: bool = False) -> None:
    """Write our own logs and those of the libraries to standard error, as JSON or for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _blot_out_secrets,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Libraries log whole requests, or what only they care for, at INFO; ours say what matters.
    for noisy in ("httpx", "httpcore", "stripe", "uvicorn", "uvicorn.error", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: ``log = logger(__name__)``."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound
