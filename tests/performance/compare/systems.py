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
    """Markdown: how each was set and loaded; synced ones are set alike."""
    lines = ["Settings; 1 partition, incompressible records where the row says nothing else:", ""]
    for make in dict.fromkeys(make for make, _ in SYSTEMS.values()):
        told = ", ".join(f"{key} {value}" for key, value in make.settings.items())
        lines.append(f"- {make.label}: {told}")
    return "\n".join(lines)
