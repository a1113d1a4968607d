"""What is switched off, case by case, to see that the case tells: no rule without its proof."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from greendc.core.facility import DAY, EVER, HOUR
from greendc.profiles import decoder
from tests.cases import mutants, mutants_live


@dataclass(frozen=True)
class Mutation:
    """A case, the rule that is switched off, where it stands, and what takes its place.

    `replayed`: that is seen in its replay, without the play that it has as well.
    """

    case: str
    rule: str
    target: str  # module:attribute
    change: Callable[[Any], Any]  # from what stands there to what is to stand there
    replayed: bool = False


_DELTA = "greendc.core.register:register_delta"
_METER = "greendc.config.meters:Filled.at"
_DECODE = "greendc.profiles.decoder:Decoder.decode"
_CALENDAR = "greendc.ledger:LocalCalendar"
_TIMES = "greendc.profiles.decoder:_TIME_RULES"
_SENTINELS = "greendc.profiles.decoder:is_sentinel"
_EXCUSED = "greendc.core.judging:excused"
_TERMS = "greendc.core.cells:_Cells._terms"
_DERIVE = "greendc.core.cells:_derive"
_VALUE = "greendc.codecs.json_path:_value"
_MISTAKES = "greendc.core.explaining:MISTAKES"

_LONG_GAP = mutants.at(max_gap=2 * HOUR, silent_after=2 * HOUR)
_ZERO = mutants.zero_for_nothing


def _no_sentinels(_: object) -> Callable[..., object]:
    return lambda raw, _sentinels: np.zeros(len(raw), np.bool_)


MUTATIONS = [
    Mutation(
        "A01-outage-between-powers",
        "max_gap",
        _METER,
        _LONG_GAP,
    ),
    Mutation("A02-constant-for-a-day", "a repeated value is news", _DECODE, mutants.only_changes),
    Mutation(
        "A03-register-dips-by-a-step",
        "a step back is a dip",
        _DELTA,
        mutants.each_fall_a_reset,
    ),
    Mutation("A04-register-exchanged", "replaced", _METER, mutants.at(replaced=())),
    Mutation(
        "A04-register-starts-again",
        "no energy is negative",
        _DELTA,
        lambda _: lambda _meter, before, now, *_rest: now - before,
    ),
    Mutation(
        "A05-register-off",
        "a register counts across silences up to the horizon",
        "greendc.core.energy:Rules.of",
        lambda of: classmethod(lambda cls, meters, _=0: of.__func__(cls, meters, 60 * DAY)),
    ),
    Mutation(
        "A06-negative-register-once",
        "a register's range",
        _METER,
        mutants.at(range_=(-math.inf, math.inf)),
    ),
    Mutation(
        "A06-register-far-above-once",
        "a rise is not where the next readings are back",
        "greendc.core.register:_counted",
        mutants.each_rise_counts,
    ),
    Mutation(
        "A06-register-zero-once",
        "a reset counts on from what it shows",
        _DELTA,
        mutants.each_fall_a_reset,
    ),
    Mutation(
        "A07-rollover",
        "modulus",
        _DELTA,
        lambda delta: lambda meter, *rest: delta(replace(meter, modulus=0.0), *rest),
    ),
    Mutation("A08-no-value-in-the-middle", "no number is no value", _VALUE, _ZERO),
    Mutation(
        "A09-sentinel",
        "all bits are a sentinel",
        "greendc.profiles.decoder:is_all_bits",
        lambda _: lambda raw: np.zeros(len(raw), np.bool_),
    ),
    Mutation("A13-two-halls", "ratio of sums", _TERMS, mutants.mean_of_ratios),
    Mutation(
        "A15-facility-below-it",
        "the bounds of a ratio",
        "greendc.core.evaluate:verdicts",
        lambda verdicts: (
            lambda metric, *rest: verdicts(replace(metric, bounds=(0, math.inf)), *rest)
        ),
    ),
    Mutation(
        "A15-facility-below-it-for-hours",
        "points make a chain",
        "greendc.core.nodes:by_points",
        lambda _: lambda *_arguments: iter(()),
    ),
    Mutation(
        "A16-heat-reuse",
        "reused heat is no part of E_DC",
        "greendc.config.epochs:Instant.e_dc",
        lambda e_dc: property(
            lambda self: (*e_dc.func(self), *[(n, -1.0) for n in self._at("q_reuse")])
        ),
    ),
    Mutation("A17-days-in-kolkata", "local days", _CALENDAR, mutants.in_utc),
    Mutation("A17-days-in-adelaide", "local days", _CALENDAR, mutants.in_utc),
    Mutation("A17-berlin-loses-an-hour", "local days", _CALENDAR, mutants.in_utc),
    Mutation("A17-berlin-gains-an-hour", "local days", _CALENDAR, mutants.in_utc),
    Mutation(
        "A18-register-of-a-local-day",
        "a reset is seen from the data",
        _DELTA,
        lambda delta: (
            lambda meter, before, now, *rest: (
                delta(meter, before, now, *rest) if now >= before else None
            )
        ),
    ),
    Mutation(
        "A19-retained-message",
        "a retained message is not of now",
        _TIMES,
        mutants.as_now,
        replayed=True,
    ),
    Mutation(
        "A20-thrice-and-backwards",
        "the later in the journal wins",
        "greendc.core.site:merged",
        mutants.earlier_wins,
    ),
    Mutation(
        "A21-a-day-late",
        "late readings re-open cells",
        "greendc.core.closing:Progress.opened",
        lambda _: lambda _self, _dirty, _floor: [],
        replayed=True,
    ),
    Mutation(
        "A21-a-day-late",
        "a store is told of revisions",
        "greendc.sinks.overwriting:newest_of",
        mutants_live.first_revisions,
    ),
    Mutation(
        "A22-float-on-the-wire",
        "always floats",
        "greendc.sinks.line_protocol:fields",
        mutants_live.whole_numbers,
    ),
    Mutation(
        "A23-store-away",
        "what a store does not take waits",
        "greendc.sinks.runner:Runner._failed",
        mutants_live.dropped,
    ),
    Mutation(
        "A23-store-away",
        "the journal keeps to its limit",
        "greendc.daemon.worker:PRUNE_AT",
        lambda _: 10.0,
    ),
    Mutation(
        "A23-store-away",
        "figures go out in their order",
        "greendc.store.reading:StoredLedger.rows_after",
        mutants_live.backwards,
    ),
    Mutation(
        "A24-store-hangs",
        "a store that fails is no failure of the daemon",
        "greendc.daemon.rounds:Rounds._move_cursors",
        mutants_live.all_or_nothing,
    ),
    Mutation(
        "A25-exit-after-the-last-message",
        "journalled before it is acknowledged",
        "greendc.daemon.worker:Worker.receive",
        mutants_live.buffered,
    ),
    Mutation(
        "A26-message-between-drain-and-disconnect",
        "no acknowledgement without a journal",
        "greendc.sources.connection:Connection.leave",
        mutants_live.deaf_acknowledgement,
    ),
    Mutation(
        "A27-broker-frozen-and-forgetful",
        "every connection subscribes",
        "greendc.sources.mqtt:MqttSource._connected",
        mutants_live.subscribed_once,
    ),
    Mutation(
        "A27-broker-frozen-and-forgetful",
        "a broker that is silent is asked every ten seconds",
        "greendc.sources.settings:PING_LIMIT",
        lambda _: 60.0,
    ),
    Mutation(
        "A28-topics-change",
        "a reload subscribes",
        "greendc.sources.mqtt:MqttSource.resubscribe",
        lambda _: lambda *_arguments: None,
    ),
    Mutation(
        "A28-topics-change",
        "a reload unsubscribes",
        "greendc.sources.connection:Connection.subscribe",
        lambda subscribe: lambda self, filters, _removed: subscribe(self, filters, ()),
    ),
    Mutation("A29-payloads-that-are-none", "no number is no value", _VALUE, _ZERO, replayed=True),
    Mutation(
        "A29-payloads-that-are-none",
        "what cannot be read is acknowledged",
        "greendc.daemon.worker:Worker.receive",
        mutants_live.unless_refused,
    ),
    Mutation(
        "A33-flood-of-topics",
        "a bounded memory of unknown topics",
        "greendc.profiles.bindings:_UNBOUND_TOPICS",
        lambda _: 10**9,
    ),
    Mutation(
        "A34-factor-corrected-from-a-date",
        "a factor holds from its date",
        "greendc.config.meters:Filled.scale",
        mutants.newest,
    ),
    Mutation(
        "A34-factor-corrected-while-running",
        "configurations of before are amended",
        "greendc.recompute.amending:amended",
        lambda _: lambda effective, _keys, _by: effective,
    ),
    Mutation(
        "A35-hundredths-of-a-kilowatt-hour", "what is looked for", _MISTAKES, mutants.without(0.01)
    ),
    Mutation(
        "A35-kilowatts-said-to-be-watts", "what is looked for", _MISTAKES, mutants.without(1000.0)
    ),
    Mutation(
        "A35-milliwatts-said-to-be-watts", "what is looked for", _MISTAKES, mutants.without(0.001)
    ),
    Mutation(
        "A31-frozen-value",
        "what does not change is frozen",
        "greendc.core.judging:unchanged_since",
        lambda _: lambda _follows, time, *_rest: time,
    ),
    Mutation(
        "A31-siblings",
        "beside siblings that stand still nothing is frozen",
        _EXCUSED,
        lambda _: lambda *_arguments: np.zeros(0, np.int64),
    ),
    Mutation(
        "A31-siblings",
        "a sibling that moves excuses nothing",
        _EXCUSED,
        lambda excused: (
            lambda rules, meter, time, moved, suspects: excused(
                rules, meter, time, np.full_like(moved, -EVER), suspects
            )
        ),
    ),
    Mutation(
        "A31-siblings",
        "a sibling that is silent excuses nothing",
        _EXCUSED,
        lambda excused: (
            lambda rules, *rest: excused(
                replace(rules, silent_after=np.full_like(rules.silent_after, DAY)), *rest
            )
        ),
    ),
    Mutation(
        "A31-siblings",
        "a late reading judges its siblings anew",
        "greendc.core.site:spread",
        lambda _: lambda _rules, _fresh, since, _held: since,
    ),
    Mutation(
        "B2-spike-and-jump",
        "a single spike is left out",
        "greendc.core.judging:spikes",
        lambda _: lambda follows, *_rest: np.zeros(len(follows), np.bool_),
    ),
    Mutation(
        "B2-spike-and-jump",
        "a change can be too fast",
        "greendc.core.judging:too_fast",
        lambda _: lambda good, *_rest: np.zeros(len(good), np.bool_),
    ),
    Mutation(
        "A34-register-factor-from-a-date",
        "a register's factor is of what it counts",
        "greendc.core.energy:_multiplied",
        lambda _: lambda found, *_rest: found,
    ),
    Mutation(
        "B3-register-and-power",
        "power gives the register its shape",
        "greendc.core.energy:shaped",
        lambda _: lambda _rules, found: found,
    ),
    Mutation(
        "B3-register-and-power",
        "2 % between register and power",
        "greendc.core.reconciling:LIMIT",
        lambda _: 0.2,
    ),
    Mutation(
        "B4-reset-beside-its-power",
        "power where the register says nothing",
        "greendc.core.shape:_Pieces.estimates",
        lambda rule: lambda pieces: rule(pieces.where(pieces.known < 0)),
    ),
    Mutation(
        "B4-reset-beside-its-power",
        "a reset is not as old as the last reading",
        "greendc.core.energy:_begun",
        lambda _: lambda _rules, verdict, used, rows: rows[1][verdict.anchor[used]],
    ),
    Mutation(
        "B5-gap-filled-on-a-line",
        "a gap is filled where that is asked for",
        _METER,
        mutants.at(fill=None),
    ),
    Mutation(
        "B5-gap-filled-on-a-line",
        "an hour at most",
        "greendc.core.filling:LONGEST_FILLED",
        lambda _: 3 * HOUR,
    ),
    Mutation(
        "B5-gap-filled-on-a-line",
        "what is filled is in doubt",
        "greendc.core.gaps:expand",
        mutants.filled_for_sure,
    ),
    Mutation(
        "B6-filled-beside-declared",
        "what is declared is no gap",
        "greendc.core.gaps:_declared",
        lambda _: lambda _book: frozenset(),
    ),
    Mutation(
        "B6-filled-beside-declared",
        "what is filled is in doubt by its own meter's limit",
        "greendc.core.gaps:expand",
        mutants.filled_as_the_worst,
    ),
    Mutation(
        "B7-refused-is-not-silent",
        "what is left out is no silence",
        "greendc.core.cells:LeftOut.words",
        lambda _: lambda *_args: None,
    ),
    Mutation(
        "B7-refused-is-not-silent",
        "what was refused too late has cells told anew",
        "greendc.core.refused:Refused.known",
        lambda known: lambda self, seq: (known(self, seq)[0], []),
    ),
    Mutation(
        "A31-frozen-value",
        "a longer period says for want of what most of its time is not known",
        "greendc.core.levels:most_of",
        lambda _: lambda *_args: None,
    ),
    Mutation(
        "B8-register-away-for-hours",
        "gaps have the shape of final days",
        "greendc.core.final_days:FinalDays.over",
        lambda _: lambda _days, _rules, found: (found, []),
    ),
    Mutation(
        "B8-register-away-for-hours",
        "of the same weekday",
        "greendc.core.final_days:slots",
        mutants.every_day_alike,
    ),
    Mutation(
        "B9-gap-filled-as-on-days-before",
        "a gap is filled where that is asked for",
        _METER,
        mutants.at(fill=None),
    ),
    Mutation(
        "B9-gap-filled-as-on-days-before",
        "by IT load",
        "greendc.core.profile:Profile.of",
        mutants.filled_with(4000.0),
    ),
    Mutation(
        "B9-gap-filled-as-on-days-before",
        "from seven days",
        "greendc.core.profile:LATEST",
        lambda _: 5,
    ),
    Mutation(
        "B9-gap-filled-as-on-days-before",
        "once the day is final",
        "greendc.core.profile:Profile.at",
        lambda _: lambda _profile, day: day[1] + 40 * HOUR,
    ),
    Mutation(
        "A36-dual-feed",
        "a sum has all its inputs",
        _DERIVE,
        mutants.larger_alone,
    ),
    Mutation(
        "A36-dual-feed",
        "one feed that carries all is no redundancy",
        "greendc.core.feeds:NEEDED",
        lambda _: 1,
    ),
    Mutation(
        "A37-ten-thousand-times-faster",
        "arrival is the log's",
        _DECODE,
        mutants.by_the_clock,
        replayed=True,
    ),
    Mutation(
        "A38-clocks-that-jump",
        "the payload's time stands",
        _TIMES,
        lambda rules: {**rules, "payload": decoder._near_time},
    ),
    Mutation(
        "A38-host-set-back",
        "a clock that was set back is behind",
        "greendc.clocks:OwnClock.told",
        lambda _: lambda _clock, entry, _passed=0: entry,
    ),
    Mutation(
        "A39-intensity-of-an-hour",
        "an intensity holds from its stamp on",
        "greendc.config.factors:_held",
        mutants.shifted,
    ),
    Mutation(
        "A39-intensity-of-an-hour",
        "a provider's stamps may be ends",
        "greendc.config.factors:_held",
        lambda held: lambda series, **_ends: held(series, ends=False),
    ),
    Mutation(
        "B1-local-time-without-offset",
        "time_zone",
        "greendc.codecs.timestamps:from_local",
        lambda _: lambda local, _zone: local,
    ),
    Mutation(
        "H1-cluster-silent-for-hours",
        "max_gap",
        _METER,
        mutants.at(max_gap=DAY, silent_after=DAY),
    ),
    Mutation(
        "H2-enclosure-told-by-every-node",
        "what is said again counts once",
        "greendc.core.site:merged",
        mutants.adding_up,
    ),
    Mutation(
        "M1-devices-told-apart-by-the-payload",
        "meter_at",
        "greendc.profiles.selecting:read_tags",
        lambda _: lambda payloads, _path: (["iot-device-01"] * len(payloads), {}),
    ),
    Mutation("P1-units-of-real-devices", "sentinels", _SENTINELS, _no_sentinels),
]
