"""What a scenario file may hold."""

from typing import Annotated

from pydantic import Field, model_validator

from greendc.config.scalars import Duration, Id, Instant, Items, Model, key
from greendc.core.facility import HOUR, SECOND
from greendc.simulate.rules import Fault, Rule, metering_default
from greendc.simulate.topology import Aux, Feed, Grid, Hall, Humidity, Plant, Reuse, Solar, Weather


class Site(Model):
    """A simulated data centre."""

    id: Id = Field(description="Short name, as in the site file that fits it.")
    name: str | None = key(None, min_length=1, description="Name for people; default: the id.")
    zone: str = Field(description="IANA time zone; the load follows its days.")
    weather: Weather = Field(description="Outside air.")
    grid: Grid = key({}, description="Emissions of imported electricity.")
    feeds: Items[Feed] = Field(min_length=1, description="Paths from the utility to the racks.")
    halls: Items[Hall] = Field(min_length=1, description="Computer rooms.")
    plant: Plant = Field(description="What takes the heat away.")
    humidity: Humidity = key({}, description="Fresh air and humidifiers.")
    reuse: Reuse | None = key(None, description="Reuse of heat; none unless set.")
    solar: Solar | None = key(None, description="Solar panels; none unless set.")
    aux: Aux = key({}, description="Offices, security and the like.")
    metering: Items[Rule] = key((metering_default(),), description="Meters, by rules.")
    faults: Items[Fault] = key((), description="What goes wrong, and when.")

    @property
    def rated_it_w(self) -> float:
        """Rated power of all IT equipment [W]."""
        return sum(hall.racks * hall.rack_w for hall in self.halls)


class Scenario(Model):
    """A file of simulated sites that share seed, steps and span."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = key(1, description="Another seed, other chance.")
    step: Duration = key("10s", description="Steps of the plant; divides an hour.")
    start: Instant = Field(description="First instant of what is simulated; a full hour.")
    span: Duration = key("1d", description="How long; of whole hours.")
    sites: Items[Site] = Field(min_length=1, description="Simulated data centres.")

    @model_validator(mode="after")
    def _steps(self) -> "Scenario":
        if self.step % SECOND or HOUR % self.step:
            raise ValueError("step must divide an hour")
        if self.start % HOUR or self.span % HOUR or self.start < 0:
            raise ValueError("start and span must be of whole hours, and not before 1970")
        return self

    @property
    def end(self) -> int:
        """End of what is simulated [ns]."""
        return self.start + self.span
