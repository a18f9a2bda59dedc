"""The systems that are compared."""

from tests.performance.compare import kafka
from tests.performance.compare import kappa
from tests.performance.compare import nats

# name -> (class, synced)
SYSTEMS = {
    "kappa": (kappa.Kappa, True),
    "kafka": (kafka.Kafka, False),
    "kafka-synced": (kafka.Kafka, True),
    "nats": (nats.Nats, False),
    "nats-synced": (nats.Nats, True),
}


def settings():
    """One line for each: how it was set and loaded; synced ones are set alike."""
    return [f"{make.label}: " + ", ".join(f"{key} {value}"
                                          for key, value in make.settings.items())
            for make in dict.fromkeys(make for make, _ in SYSTEMS.values())]
