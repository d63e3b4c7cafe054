"""The trading side of the learning engine: tells it events, and reads learned parameters from memory, never waiting."""

from learning_client.errors import ClientError, Misuse
from learning_client.parameter_stats import ParameterStats
from learning_client.parameters import ParameterClient
from learning_client.publisher import EventPublisher
from learning_client.publisher_stats import PublisherStats
from learning_client.snapshot import Snapshot
from learning_client.spool_folder import SpoolFolder
from learning_client.switches import Switches, switches_from
from learning_client.units import Units
from learning_client.version import unit_of

__all__ = [
    "ClientError",
    "EventPublisher",
    "Misuse",
    "ParameterClient",
    "ParameterStats",
    "PublisherStats",
    "Snapshot",
    "SpoolFolder",
    "Switches",
    "Units",
    "switches_from",
    "unit_of",
]
