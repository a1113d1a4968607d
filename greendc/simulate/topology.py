"""What a scenario may say of a simulated site's plant."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from greendc.config.models import Share
from greendc.config.scalars import Duration, Id, Items, Model, NotNegative, Positive, key

Shape = Literal["flat", "office", "evening", "batch"]
SHIPPED = {"leesburg": "leesburg.epw.gz", "san-jose": "san-jose.epw.gz"}
"""Names of the typical years that come with greendc."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CarnotShare = Annotated[Share, Field(gt=0)]


class Weather(Model):
    """Outside air: exactly one of place and epw."""

    place: Literal["tokyo", "sapporo"] | None = key(
        None,
        description="A built-in year: normals by month, a daily swing, weather by chance.",
    )
    epw: str | None = key(
        None, description="A typical year: leesburg, san-jose, or an EPW file, beside this one."
    )
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


class Test(Model):
    """A regular run of a generator with its feed's load."""

    weekday: Weekday = key("tue", description="Day of the week, local.")
    hour: Annotated[int, Field(ge=0, le=22)] = key(10, description="Full hour, local.")
    for_: Duration = key("30min", alias="for", description="How long, at most an hour.")
    every: Annotated[int, Field(ge=1, le=52)] = key(4, description="Every so many weeks.")


class Generator(Model):
    """A generator that carries its feed while the utility does not."""

    rated_w: Positive = Field(description="Rating. [W]")
    start: Duration = key("15s", description="From the loss of the utility to its taking over.")
    idle_fuel: Share = key(0.08, description="Fuel power without load, of the rating.")
    fuel: Annotated[FiniteFloat, Field(ge=1)] = key(2.4, description="Fuel power per power.")
    test: Test | None = key(None, description="Regular run; none unless set.")


class Feed(Model):
    """A path from the utility to the racks; exactly one of ups and rectifier."""

    id: Id = Field(description="Short name, such as a.")
    transformer: Transformer | None = key(None, description="None: the utility's, not the site's.")
    ups: Converter | None = key(None, description="Double conversion to AC.")
    rectifier: Converter | None = key(None, description="To a 400 VDC bus.")
    pdu_loss: Share = key(0.012, description="Loss before the PDU at full load, of the rating.")
    cable_loss: Share = key(0.006, description="Loss behind the PDU at full load, of the rating.")
    generator: Generator | None = key(None, description="Generator; none unless set.")
    room: Id | None = key(
        None, description="Hall that UPS and PDUs warm; without one, a room aired from outside."
    )

    @model_validator(mode="after")
    def _one(self) -> "Feed":
        if (self.ups is None) == (self.rectifier is None):
            raise ValueError("needs exactly one of ups and rectifier")
        return self

    @property
    def converter(self) -> Converter:
        """The UPS or the rectifier."""
        found = self.rectifier if self.ups is None else self.ups
        if found is None:
            raise ValueError("neither ups nor rectifier")
        return found

    @property
    def kind(self) -> str:
        """What the converter is, as greendc's points begin: ups or rect."""
        return "ups" if self.ups else "rect"


class Dx(Model):
    """Direct expansion: each air unit with its compressor, its condenser outside."""

    kind: Literal["dx"]
    unit_w: Positive = Field(description="Heat that a unit can take. [W]")
    carnot: CarnotShare = key(0.35, description="COP as a share of Carnot's.")


class ChilledWater(Model):
    """Chillers, pumps, and a tower or dry coolers, for all halls."""

    kind: Literal["chilled_water"]
    chillers: Annotated[int, Field(ge=1, le=50)] = Field(description="Number of chillers.")
    chiller_w: Positive = Field(description="Heat that a chiller can take. [W]")
    carnot: CarnotShare = key(0.5, description="Best COP as a share of Carnot's.")
    supply_c: FiniteFloat = key(16.0, description="Chilled water, supply. [Cel]")
    rise_k: Positive = key(6.0, description="Its rise through the air units. [K]")
    pump_w: Positive = Field(description="Chilled water pumps at design flow. [W]")
    sink: Literal["tower", "dry"] = key("tower", description="Cooling tower, or dry coolers.")
    sink_pump_w: NotNegative = key(0.0, description="Condenser pump of a running chiller. [W]")
    sink_fan_w: Positive = Field(description="Fans of tower or dry coolers at full speed. [W]")
    approach_k: Positive = key(
        4.0, description="Their water above wet bulb, or above dry bulb. [K]"
    )
    economiser: bool = key(default=True, description="A heat exchanger past the chillers.")
    exchanger_k: Positive = key(1.5, description="Its water above the tower's. [K]")
    concentration: Annotated[FiniteFloat, Field(gt=1)] = key(
        4.0, description="Cycles of concentration of the tower's water."
    )


class OutsideAir(Model):
    """Outside air through the halls, with a compressor for the rest."""

    kind: Literal["outside_air"]
    trim_w: Positive = Field(description="Heat that the compressors of a hall can take. [W]")
    carnot: CarnotShare = key(0.35, description="COP as a share of Carnot's.")
    evaporative: Share = key(
        0.0, description="Share of the way to wet bulb that a pad cools; 0: none."
    )


Plant = Annotated[Dx | ChilledWater | OutsideAir, Field(discriminator="kind")]


class Humidity(Model):
    """Fresh air of the halls, and how dry their air may become."""

    fresh_m3s: NotNegative = key(0.0, description="Fresh air of the site's closed halls. [m3/s]")
    dew_point_c: FiniteFloat = key(5.5, description="Least dew point in the halls. [Cel]")
    j_per_kg: NotNegative = key(2.7e6, description="Energy of the humidifier; steam. [J/kg]")


class Reuse(Model):
    """A heat pump that hands heat over outside the boundary."""

    source_w: Positive = Field(description="Heat that it can take from the halls. [W]")
    supply_c: FiniteFloat = key(65.0, description="Water that it hands over. [Cel]")
    carnot: CarnotShare = key(0.5, description="COP as a share of Carnot's.")
    summer: Share = key(0.1, description="Demand in summer, of that in deep winter.")


class Solar(Model):
    """Solar panels on the first feed."""

    peak_w: Positive = Field(description="Rating of the panels. [W]")
    ratio: Share = key(0.8, description="Performance ratio.")


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
