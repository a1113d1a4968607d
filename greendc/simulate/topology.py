"""What a scenario may say of a simulated site's plant."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from greendc.config.models import Share
from greendc.config.scalars import Id, Items, Model, NotNegative, Positive, key

Shape = Literal["flat", "office", "evening", "batch"]


class Weather(Model):
    """Outside air: exactly one of place and epw."""

    place: Literal["tokyo", "sapporo"] | None = key(
        None,
        description="A built-in year: normals by month, a daily swing, weather by chance.",
    )
    epw: str | None = key(None, description="A typical year: leesburg, san-jose, or an EPW file.")
    warmer_k: FiniteFloat = key(0.0, description="Added to every temperature. [K]")

    @model_validator(mode="after")
    def _one(self) -> "Weather":
        if (self.place is None) == (self.epw is None):
            raise ValueError("needs exactly one of place and epw")
        return self


class Load(Model):
    """Load of IT equipment: power = rating x (idle + (1 - idle) x utilisation)."""

    idle: Share = key(0.4, description="Power of idle equipment, as a share of its rating.")
    mean: Share = key(0.35, description="Mean utilisation.")
    swing: Share = key(0.15, description="Utilisation at the peak of the day above its mean.")
    shape: Shape = key("office", description="Course of a local day.")
    weekend: Share = key(0.5, description="What is left of the swing on Saturday and Sunday.")
    noise: Share = key(0.08, description="Utilisation that comes and goes, by rack.")
    jobs: Share = key(0.1, description="Utilisation that jumps as jobs come and go, by rack.")


class Air(Model):
    """Air of a hall: units (CRAC or CRAH) and what the air does on its way."""

    units: Annotated[int, Field(ge=1, le=1000)] = key(2, description="Air units, running all.")
    flow_m3s: Positive = key(4.0, description="Flow of a unit at full speed. [m3/s]")
    fan_w: Positive = key(3000.0, description="Power of a unit's fans at full speed. [W]")
    least_speed: Share = key(0.4, description="Fans run no slower than this.")
    supply_c: FiniteFloat = key(22.0, description="Supply air. [Cel]")
    rise_k: Positive = key(12.0, description="Rise through the IT equipment. [K]")
    bypass: Share = key(0.1, description="Supply air that returns unused, of what IT needs.")
    recirculation: Share = key(0.05, description="Exhaust in the air at the racks' inlets.")


class Hall(Model):
    """A computer room."""

    id: Id = Field(description="Short name.")
    racks: Annotated[int, Field(ge=1, le=5000)] = Field(description="Number of racks.")
    rack_w: Positive = Field(description="Rated IT power of a rack. [W]")
    feeds: Items[Id] = key((), description="Feeds of its racks, one or two. Default: all.")
    load: Load = key({}, description="Load of its IT equipment.")
    air: Air = key({}, description="Its air.")
    light_w: NotNegative = key(0.0, description="Its lighting, always on. [W]")


class Transformer(Model):
    """From the utility's voltage to the site's."""

    rated_w: Positive = Field(description="Rating. [W]")
    no_load: Share = key(0.0012, description="Loss without load, of the rating.")
    load: Share = key(0.009, description="Loss at full load, of the rating; goes with its square.")


class Battery(Model):
    """What carries a UPS or a DC bus until the generator does."""

    energy_kwh: Positive = Field(description="Usable energy. [kWh]")
    charge_w: Positive = Field(description="Charging power, at the bus. [W]")
    efficiency: Annotated[Share, Field(gt=0)] = key(0.9, description="Out for what goes in.")


class Converter(Model):
    """A UPS or a rectifier: loss = rating x (a + b p + c p2), p = load / rating."""

    rated_w: Positive = Field(description="Rating. [W]")
    a: Share = key(0.01, description="Loss without load.")
    b: Share = key(0.018, description="Loss in proportion to the load.")
    c: Share = key(0.02, description="Loss with the square of the load.")
    bypass: Share = key(0.006, description="Loss on static bypass, of the load.")
    battery: Battery | None = key(None, description="Battery; none unless set.")


class Feed(Model):
    """A path from the utility to the racks; exactly one of ups and rectifier."""

    id: Id = Field(description="Short name, such as a.")
    transformer: Transformer | None = key(None, description="None: the utility's, not the site's.")
    ups: Converter | None = key(None, description="Double conversion to AC.")
    rectifier: Converter | None = key(None, description="To a 400 VDC bus.")
    pdu_loss: Share = key(0.012, description="Loss before the PDU at full load, of the rating.")
    cable_loss: Share = key(0.006, description="Loss behind the PDU at full load, of the rating.")

    @model_validator(mode="after")
    def _one(self) -> "Feed":
        if (self.ups is None) == (self.rectifier is None):
            raise ValueError("needs exactly one of ups and rectifier")
        return self

    @property
    def converter(self) -> Converter:
        """The UPS or the rectifier."""
        found = self.ups or self.rectifier
        assert found is not None, "checked above"  # noqa: S101
        return found


class Dx(Model):
    """Direct expansion: each air unit with its compressor, condenser outside."""

    kind: Literal["dx"]
    unit_w: Positive = Field(description="Heat that a unit can take. [W]")
    carnot: Annotated[Share, Field(gt=0)] = key(0.35, description="COP as a share of Carnot's.")


Plant = Dx


class Aux(Model):
    """What else stands inside the boundary."""

    office_w: NotNegative = key(0.0, description="Offices by day. [W]")
    base_w: NotNegative = key(0.0, description="Security, controls and the like, always. [W]")


class Grid(Model):
    """Emissions of imported electricity: a mean, less by day, and chance."""

    zone: str = key("none", min_length=1, description="Zone of the grid, for people.")
    mean_g_per_kwh: NotNegative = key(450.0, description="Mean of the year. [g/kWh]")
    noon: Share = key(0.15, description="How much less at noon than in the mean.")
    source: str = key("assumed", min_length=1, description="Where the mean is from.")
