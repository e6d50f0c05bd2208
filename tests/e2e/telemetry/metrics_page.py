"""What a process says about itself on its metrics endpoint."""

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class MetricsPage:
    """One scrape. `text` as it was served."""

    text: str

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def scraped(address: str) -> MetricsPage:
    """The page of the process whose endpoint is HOST:PORT."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as reply:
        return MetricsPage(reply.read().decode())
