#!/usr/bin/env python3
"""The failure modes that every memory alert meets, one small clear-cut scenario each, and the answer that is right.

  mode_cases.py BIN DIR [NAME...]    writes DIR/NAME, asks `BIN analyze --json`, prints TAP

Sizes in MiB, times in hours. A mode in TODO is known to be answered wrong: printed as such, never as passed.
Needs nothing but python3."""
import json, math, os, re, subprocess, sys

from mode_world import MIB, T0, World

MODES = {}
OTHER_WARMUPS = (6.0, 10.0, 5.0, 8.0, 11.0, 6.5)
# Known wrong answers, with the reason. Remove the line when the mode is right: a TODO that passes is said.
TODO = {}


def mode(**expect):
    def add(f):
        MODES[f.__name__] = (f, expect)
        return f
    return add


# ---- restarts ----
@mode(verdict="leak", culprit="v3", state="active")
def restart_sawtooth_leak(w, d):
    """Restarts every 3 hours hide a leak from the total; lives grow with age from v3 on."""
    w.chop(3)
    w.write(d, w.grow_from(3, 2.0))


@mode(verdict=("none", "plateau"), culprit=None)
def restart_sawtooth_flat(w, d):
    """The same restarts, every life warms up and stays."""
    w.chop(3)
    w.write(d)


@mode(verdict="leak", culprit="v2")
def drop_without_restart(w, d):
    """Memory is given back at once at 27 h, the process is the same: no restart, the growth goes on."""
    w.write(d, lambda l, age, t: (1.5 * age if l["release"] >= 2 else 0) - (4 if 26 < t and l["start"] < 26 else 0))


@mode(verdict="leak", culprit="v120", state="active")
def many_deploys(w, d):
    """Two hundred deploys, lives of 36 minutes, and each grows a little from v120 on: many lives make it surer, not doubtful."""
    w.__init__("many_deploys", span=121, dt=120, slots=2, deploys=[.6 * k for k in range(1, 201)])
    w.write(d, w.grow_from(120, 1.5, until=201))


# ---- warm-up, caches ----
@mode(verdict=("plateau", "none"), culprit=None)
def warmup(w, d):
    """Every life climbs 20 MiB within an hour and stays."""
    w.warm, w.warm_tau = 20.0, .4
    w.write(d)


@mode(verdict="plateau", culprit=None)
def bounded_cache(w, d):
    """A cache fills in every life, over most of a release."""
    w.warm, w.warm_tau = 40.0, 2.0
    w.write(d)


@mode(verdict="plateau", culprit=None)
def bounded_cache_one_life(w, d):
    """One life for two days, a cache that fills and ends at its bound; no deploy since."""
    w.deploys = w.deploys[:1]
    w.lives = w.by_deploys()
    w.warm, w.warm_tau = 60.0, 6.0
    w.write(d)


# ---- collectors ----
def sawtooth(l, age, height=12.0, period=.7):
    return height * ((age + .1 * l["slot"]) % period) / period


@mode(verdict=("none", "plateau"), culprit=None)
def gc_sawtooth_flat(w, d):
    w.write(d, lambda l, age, t: sawtooth(l, age))


@mode(verdict="leak", culprit="v3", state="active")
def gc_sawtooth_leak(w, d):
    """What is left after each collection grows from v3 on."""
    w.write(d, lambda l, age, t: sawtooth(l, age) + (3.0 * age if l["release"] >= 3 else 0))


# ---- short lives ----
@mode(verdict="leak", culprit="v3", state="active")
def worker_recycling(w, d):
    """max-requests: lives of 40 minutes, growth inside each from v3 on."""
    w.chop(.7)
    w.write(d, w.grow_from(3, 8.0))


@mode(verdict=("none", "plateau"), culprit=None)
def worker_recycling_flat(w, d):
    w.chop(.7)
    w.write(d)


# ---- load ----
def daily(t):
    return 1 + .7 * math.sin(2 * math.pi * (t - 3) / 24)


@mode(verdict="load", culprit=None, says="MiB, is taken out): ")
def daily_cycle(w, d):
    w.write(d, lambda l, age, t: 15 * daily(t), load_factor=daily)


@mode(verdict="load", culprit=None, again=(24, 24.01), says="for each request a second")
def part_of_a_daily_cycle(w, d):
    """Fourteen hours of the same: load so far, and a whole day is asked for."""
    w.__init__("part_of_a_daily_cycle", span=14, dt=60, deploys=(5.6,))
    w.write(d, lambda l, age, t: 10 * daily(t + 1), load_factor=lambda t: daily(t + 1))


@mode(verdict="load", culprit=None, says="processes 2 -> 2 (the 17 h")
def load_surge(w, d):
    """Requests triple at 20 h, memory follows and falls with them."""
    up = lambda t: 3.0 if 20 < t < 23 else 1.0
    w.write(d, lambda l, age, t: 8 * up(t), load_factor=up)


@mode(verdict="leak", culprit="v2", state="active", episodes=1, after=(4, 6), now=(4, 6))
def leak_with_daily_cycle(w, d):
    w.write(d, lambda l, age, t: 10 * daily(t) + (2.5 * age if l["release"] >= 2 else 0), load_factor=daily)


@mode(verdict="leak", culprit="v3", state="active")
def leak_per_request(w, d):
    """The growth follows the requests, not the clock."""
    served = [0.0]
    for t in w.tick:
        served.append(served[-1] + daily(t) * w.dt)
    at = lambda t: served[min(len(served) - 1, max(0, int(t / w.dt)))]
    w.write(d, lambda l, age, t: 3.0 * (at(t) - at(l["start"])) if l["release"] >= 3 else 0, load_factor=daily)


# ---- slow, late, close ----
@mode(verdict="leak", culprit="v2", state="active")
def slow_leak_under_noise(w, d):
    """In one life the growth is about the noise; lives together show it."""
    w.slots, w.sd = 4, 1.0
    w.dt *= 2
    w.tick = w.tick[::2]
    w.rate = w.rate[::2]
    w.lives = w.by_deploys()
    w.write(d, w.grow_from(2, .5))


@mode(verdict="leak", culprit=None, not_a_deploy=.5, state="active", onset=(40, 56), says=" h after v2, and no deploy is nearer")
def onset_days_after(w, d):
    """Growth begins two days after the newest deploy: somebody switched a flag."""
    w.__init__("onset_days_after", span=96, dt=300, deploys=(0.5, 1.0))
    w.write(d, lambda l, age, t: 1.0 * max(0.0, t - 48))


@mode(verdict="leak", culprit=None, not_a_deploy=.5, state="active", onset=(59.9, 60.1), covers=60, after=(195, 205))
def runaway_in_old_lives(w, d):
    """Processes that were flat for a day and a half run away, two hours ago: no outlier, however few rows of a life it is."""
    w.__init__("runaway_in_old_lives", span=62, dt=120, deploys=(.5, 24.0))
    w.write(d, lambda l, age, t: 100.0 * max(0.0, t - 60))


@mode(verdict="leak", culprit="config-60", state="active", onset=(59.9, 60.1), covers=60, after=(195, 205))
def configuration_lets_old_lives_run_away(w, d):
    """The same from a row on that restarts nobody."""
    w.__init__("configuration_lets_old_lives_run_away", span=61.5, dt=120, deploys=(.5, 24.0))
    w.deploys += [dict(t=60, mark=60, version="config-60")]
    w.write(d, lambda l, age, t: 100.0 * max(0.0, t - 60))


@mode(verdict="leak", culprit=None, together=("v3", "v4"), ruled_out={"v3 began it": False, "v4 began it": False, "no deploy began it": True})
def two_deploys_minutes_apart(w, d):
    """Two releases within three minutes: no data tell them apart."""
    w.deploys[3]["t"] = w.deploys[2]["t"] + .05
    w.deploys[3]["mark"] = w.deploys[2]["mark"] + .05
    w.lives = [l for l in w.by_deploys() if l["end"] > l["start"]]
    w.write(d, w.grow_from(3, 3.0))


@mode(verdict="insufficient_data", culprit=None, says="lie too close together for a curve", no_change=.9)
def too_short_a_time(w, d):
    """Four hundred samples within less than a second: their number is not what is missing."""
    w.__init__("too_short_a_time", span=.4 / 3600, dt=.001, slots=1, deploys=())
    w.lives = [dict(slot=0, release=0, start=0, end=w.span)]
    w.write(d)


@mode(verdict="insufficient_data", culprit=None, says="sampled before they began")
def born_after_its_samples(w, d):
    """Each sample is of a process that began later."""
    w.__init__("born_after_its_samples", span=10, dt=60, slots=1, deploys=())
    w.lives = [dict(slot=0, release=0, start=t, end=t + w.dt / 2, born=T0 + round((t + 100) * 3600e3)) for t in w.tick]
    w.write(d)


@mode(verdict="leak", culprit=None, together=("v2", "v3"))
def replaced_within_minutes(w, d):
    """Lives of 16 hours warm up within minutes, and v3 replaces v2 after five: v2 rose as all do at that age."""
    w.__init__("replaced_within_minutes", span=48, dt=20, slots=4, deploys=(16, 32, 32.083), sd=.5)
    w.warm, w.warm_tau = 10.0, .15
    w.write(d, w.grow_from(3, 1.0))


@mode(verdict="insufficient_data", culprit=None, says="2 processes over", no_change=.9)
def too_few_data(w, d):
    """What is there and what is needed; and no more certainty than there was before."""
    w.tick = w.tick[:2]
    w.rate = w.rate[:2]
    w.write(d)


# ---- rollback, fix, reintroduction ----
@mode(verdict="leak", culprit="v2", state="fixed", fixed_by="v4")
def fixed(w, d):
    w.write(d, w.grow_from(2, 3.0, until=4))


@mode(verdict="leak", culprit=None, not_a_deploy=.5, state="fixed", fixed_by="v1", episodes=1, after=(3.5, 4.5), says="it stopped with v1")
def fixed_by_the_first_deploy(w, d):
    """What ran before any deploy grows, the first one ends it: the first days of everybody who looks because of a leak."""
    w.write(d, w.grow_from(0, 2.0, until=1))


@mode(verdict="leak", culprit=None, not_a_deploy=.5, state="active")
def half_mended_by_the_first_deploy(w, d):
    """What ran before any deploy grows, and all that came after it grows by a half of that: nobody has ended it."""
    w.__init__("half_mended_by_the_first_deploy", span=60, slots=4, dt=300, deploys=(12, 24, 36, 48))
    w.write(d, lambda l, age, t: (2.0 if l["release"] == 0 else 1.0) * age)


@mode(verdict=("none", "plateau"), culprit=None)
def only_the_first_lives_fill_a_cache(w, d):
    """What ran before any deploy filled a cache of 20 MiB, seen from its start; later releases have none."""
    w.__init__("only_the_first_lives_fill_a_cache", span=60, slots=4, dt=300, deploys=(12, 24, 36, 48))
    w.write(d, lambda l, age, t: 20 * (1 - math.exp(-age / 4)) if l["release"] == 0 else 0)


@mode(verdict="leak", culprit="v2", state="fixed", fixed_by="v1")
def rollback(w, d):
    """v2 grows, v1 comes back: the best evidence there is."""
    w.deploys = [dict(x, version=v) for x, v in zip(w.deploys, ("v1", "v2", "v1"))]
    w.deploys[2]["t"], w.deploys[2]["mark"] = 24, 23.997
    w.lives = w.by_deploys()
    w.write(d, lambda l, age, t: 3.0 * age if l["release"] == 2 else 0)


@mode(verdict="leak", culprit="v40", state="fixed", fixed_by="v62", after=(5.5, 6.5), says="; 87 others are left out")
def fixed_after_many_releases(w, d):
    """90 deploys; the fix comes 22 of them after the culprit."""
    w.span = 182
    w.deploys = [dict(t=2.0 * (k + 1), mark=2.0 * (k + 1) - .003, version="v%d" % (k + 1)) for k in range(90)]
    w.tick = [k * w.dt for k in range(int(w.span / w.dt))]
    w.rate = [50.0] * len(w.tick)
    w.lives = w.by_deploys()
    w.write(d, w.grow_from(40, 3.0, until=62))


@mode(verdict="leak", culprit="v2", state="active", episodes=2)
def reintroduction(w, d):
    """Good, bad, good again, bad again: begun by the first, still growing."""
    w.write(d, lambda l, age, t: 3.0 * age if l["release"] in (2, 4, 5) else 0)


# ---- several builds at once ----
@mode(verdict="leak", culprit="v3", state="active", says="3 lives of earlier releases ran beside 1 of v3")
def canary(w, d):
    """One process of four runs v3 from 16 h on, all from 24 h; each says what it runs, and only v3 grows."""
    w.__init__("canary", slots=4, dt=240, deploys=(8, 16))
    w.deploys = [dict(t=8, mark=8 - .003, version="v2"), dict(t=16, mark=16 - .003, version="v3")]
    w.identity = True
    w.lives = []
    for s in range(4):
        last = 16 if s == 0 else 24 + .01 * s
        w.lives += [dict(slot=s, release=0, start=-1, end=8 + .004 * s - .0005), dict(slot=s, release=1, start=8 + .004 * s, end=last - .0005),
                    dict(slot=s, release=2, start=last, end=w.span)]
    w.write(d, lambda l, age, t: 2.0 * age if l["release"] == 2 else 0)


@mode(verdict="leak", culprit="v3", state="active")
def rolling_restart(w, d):
    """Eight processes are restarted one by one over two hours."""
    w.__init__("rolling_restart", slots=8, dt=360)
    w.lives = w.by_deploys(stagger=.25)
    w.write(d, w.grow_from(3, 2.0))


@mode(verdict="leak", culprit="v3", state="active", says_not="ran beside")
def graceful_overlap(w, d):
    """The old processes drain for half an hour beside the new, under the same keys."""
    for l in w.lives:
        if l["end"] < w.span:
            l["end"] += .5
    w.write(d, w.grow_from(3, 2.5))


@mode(verdict="leak", culprit="v3", state="active", says_not="ran beside")
def blue_green(w, d):
    """Each release runs in the other set of slots; the old set stays up for an hour."""
    for l in w.lives:
        l["slot"] += 2 * (l["release"] % 2)
        if l["end"] < w.span:
            l["end"] += 1
    w.write(d, w.grow_from(3, 2.5))


@mode(verdict="leak", culprit="v3", state="active", together=("v3",))
def one_deploy_on_two_hosts(w, d):
    """Each host has its row of each deploy, seconds apart: one deploy, and no rival of its own."""
    w.hosts = 2
    w.deploys = [dict(x, mark=x["mark"] + .0003 * h, host=h) for x in w.deploys for h in range(2)]
    w.write(d, w.grow_from(3, 2.0))


@mode(verdict="leak", culprit="v3", state="active", together=("v3",))
def rows_written_three_times(w, d):
    w.deploys = [x for x in w.deploys for _ in range(3)]
    w.write(d, w.grow_from(3, 2.0))


@mode(verdict="leak", culprit="v3", state="active")
def versions_without_rows(w, d):
    """No row at all, but each process says what it runs."""
    deploys, w.identity = w.deploys, True
    w.version = lambda release: deploys[release - 1]["version"] if release else "v0"
    w.deploys = []
    w.write(d, w.grow_from(3, 2.0))


@mode(verdict="leak", culprit="v2", state="fixed", fixed_by="v1")
def versions_without_rows_and_back(w, d):
    """The same, and v1 comes back: that ends what v2 began."""
    names, w.identity = ("v0", "v1", "v2", "v1", "v4", "v5"), True
    w.version = lambda release: names[release]
    w.deploys = []
    w.write(d, w.grow_from(2, 2.0, until=3))


# ---- marks ----
@mode(verdict="leak", culprit="v3", state="active")
def marks_late(w, d):
    for x in w.deploys:
        x["mark"] = x["t"] + .25
    w.write(d, w.grow_from(3, 3.0))


@mode(verdict="leak", culprit="v3", state="active")
def marks_late_rolling(w, d):
    """Two processes, restarted seven minutes apart; the mark comes after both."""
    w.__init__("marks_late_rolling", dt=60)
    w.lives = w.by_deploys(stagger=.12)
    for x in w.deploys:
        x["mark"] = x["t"] + .28
    w.write(d, w.grow_from(3, 3.0))


@mode(verdict="leak", culprit="v3", state="active")
def marks_early(w, d):
    for x in w.deploys:
        x["mark"] = x["t"] - .3
    w.write(d, w.grow_from(3, 3.0))


@mode(verdict="leak", culprit="v4", state="active")
def rows_that_restart_nobody(w, d):
    """Rows for configuration between the deploys; nothing restarts, nothing changes with them."""
    w.deploys += [dict(t=t, mark=t, version="config-%d" % t) for t in (9, 15, 21, 27)]
    w.write(d, w.grow_from(4, 3.0))


@mode(verdict="leak", culprit="config-21", state="active", onset=(19, 23), before=.2)
def configuration_begins_growth(w, d):
    """A row that restarts nobody, and every life grows from its very time on."""
    w.deploys += [dict(t=21, mark=21, version="config-21")]
    w.write(d, lambda l, age, t: 3.0 * max(0.0, min(age, t - 21)))


@mode(verdict="step", culprit="config-21", state="active", onset=(20.9, 21.1), says="2 processes together")
def configuration_raises_the_level(w, d):
    """A row that restarts nobody, and both processes rise by 6 MiB at its very time; those that start later stand there too."""
    w.deploys += [dict(t=21, mark=21.02, version="config-21")]
    w.write(d, lambda l, age, t: 6.0 if t > 21 else 0)


@mode(verdict="step", culprit="config-21", state="active", onset=(20.8, 21.2), says="in 1 process")
def configuration_raises_one_life(w, d):
    """The same with one process, that no deploy ever restarts."""
    w.deploys, w.slots = [dict(t=21, mark=21, version="config-21")], 1
    w.lives = [dict(slot=0, release=0, start=-1.0, end=w.span)]
    w.write(d, lambda l, age, t: 6.0 if t > 21 else 0)


@mode(verdict="step", culprit=None, state="active", not_a_deploy=.5, onset=(20.9, 21.1), says="and stays there; no deploy is near")
def level_that_no_deploy_raised(w, d):
    """Three processes rise by 6 MiB at once, hours from every deploy."""
    w.slots = 3
    w.lives = w.by_deploys()
    w.write(d, lambda l, age, t: 6.0 if t > 21 else 0)


@mode(verdict="step", culprit=None, state="fixed", fixed_by="v4", onset=(20.9, 21.1), says="what was started later stands no higher")
def level_gone_with_its_lives(w, d):
    """The same, and what v4 starts stands where all did before."""
    w.slots = 3
    w.lives = w.by_deploys()
    w.write(d, lambda l, age, t: 6.0 if t > 21 and l["start"] < 21 else 0)


@mode(verdict="leak", culprit="v4", state="active")
def leak_beside_a_raised_level(w, d):
    """A configuration raises the level of v2's processes; v4 grows."""
    w.deploys += [dict(t=14, mark=14, version="config-14")]
    w.write(d, lambda l, age, t: (6.0 if t > 14 else 0) + (2.0 * age if l["release"] >= 4 else 0))


# ---- what counts as memory ----
@mode(verdict="leak", culprit="v3", state="active", signal="anon")
def swapped_out(w, d):
    """What grows is swapped out: resident memory stays flat."""
    w.write(d, w.grow_from(3, 3.0), extra=lambda l, age, t: {"swap": 3.0 * age if l["release"] >= 3 else 0})


@mode(verdict=("none", "plateau"), culprit=None)
def page_cache(w, d):
    """Mapped files become resident: that can be taken back."""
    w.write(d, extra=lambda l, age, t: {"file": 4 + (5.0 * age if l["release"] >= 3 else 0)})


@mode(verdict="leak", culprit="v3", signal="shmem", state="active")
def shared_segments(w, d):
    """Shared segments are never removed: all processes map them, and a restart does not free them."""
    w.write(d, extra=lambda l, age, t: {"shmem": 8 + 3.0 * max(0.0, t - 18)})


@mode(verdict="leak", culprit="v3", signal="processes", state="active")
def processes_multiply(w, d):
    """Workers are never reaped from v3 on: each is flat, their number grows."""
    t, s = 18.2, 2
    while t < w.span:
        w.lives.append(dict(slot=s, release=3 + (t > 24) + (t > 30), start=t, end=w.span))
        t, s = t + .6, s + 1
    w.write(d)


@mode(verdict=("plateau", "none"), culprit=None, says=" falls by ")
def memory_falls(w, d):
    """From v3 on processes give back what they have, bit by bit: that is no height to level off at."""
    w.warm = 10.0
    w.write(d, w.grow_from(3, -2.0))


@mode(verdict=("plateau", "none"), culprit=None)
def fragmentation(w, d):
    """The heap grows with the logarithm of age."""
    w.write(d, lambda l, age, t: 4 * math.log1p(age / .2))


@mode(verdict="step", culprit="v3", state="active")
def allocator_change(w, d):
    """Another allocator: 12 MiB more from v3 on, and no growth."""
    w.write(d, lambda l, age, t: 12.0 if l["release"] >= 3 else 0)


@mode(verdict="step", culprit="v3", state="active", signal="processes", says="the number of processes stands 6 processes higher")
def more_workers(w, d):
    """v3 starts eight processes where there were two, each as large as before."""
    w.lives += [dict(l, slot=l["slot"] + k) for l in w.lives if l["release"] >= 3 for k in (2, 4, 6)]
    w.write(d)


@mode(verdict="step", culprit="v3", state="active", higher=(3.5, 6.5))
def step_among_warmups(w, d):
    """Every release warms up by another amount; from v3 on all lives also begin 5 MiB higher."""
    w.write(d, lambda l, age, t: OTHER_WARMUPS[l["release"]] * (1 - math.exp(-age / .15)) + (5.0 if l["release"] >= 3 else 0))


@mode(verdict="step", culprit="v3", state="active", higher=(5, 11))
def step_before_a_busy_day(w, d):
    """8 MiB more from v3 on, and four hours later twice the requests that there ever were: what was there before them is not theirs."""
    w.write(d, lambda l, age, t: 8.0 if l["release"] >= 3 else 0, load_factor=lambda t: 2.2 if t > 22 else 1.0)


@mode(verdict=("load", "none", "plateau"), culprit=None)
def surge_that_takes_for_good(w, d):
    """Twice the requests there ever were as v3 comes: each process takes 8 MiB for them and keeps it; so does each that starts later."""
    w.write(d, lambda l, age, t: 8.0 if t > 18.05 else 0, load_factor=lambda t: 2.2 if t > 18 else 1.0)


@mode(verdict=("none", "plateau"), culprit=None)
def warmups_differ(w, d):
    """The same without the step: what a release warms up more or less is none."""
    w.write(d, lambda l, age, t: OTHER_WARMUPS[l["release"]] * (1 - math.exp(-age / .15)))


# ---- shapes of growth ----
@mode(verdict="leak", culprit="v3", state="active")
def staircase(w, d):
    """A batch each hour leaves 3 MiB behind."""
    w.write(d, lambda l, age, t: 3.0 * math.floor(age) if l["release"] >= 3 else 0)


@mode(verdict="leak", culprit="v3", state="active")
def bursts(w, d):
    """The error path leaks: bursts at random times."""
    bad = [w.rng.uniform(0, w.span) for _ in range(60)]
    w.write(d, lambda l, age, t: 1.5 * sum(l["start"] < b <= t for b in bad) if l["release"] >= 3 else 0)


@mode(verdict="leak", culprit="v3", state="active")
def accelerating(w, d):
    w.write(d, lambda l, age, t: .8 * age * age if l["release"] >= 3 else 0)


@mode(verdict="leak", culprit="v3", state="active")
def one_worker_of_many(w, d):
    w.__init__("one_worker_of_many", slots=6, dt=300)
    w.write(d, lambda l, age, t: 4.0 * age if l["release"] >= 3 and l["slot"] == 4 else 0)


@mode(verdict="leak", culprit="v2", state="active", episodes=2, parts=((5, True), (2, False)), after=(9, 11), now=(3.6, 4.4))
def half_fixed(w, d):
    w.write(d, lambda l, age, t: (5.0 if l["release"] < 4 else 2.0) * age if l["release"] >= 2 else 0)


@mode(verdict="leak", culprit="v2", state="active", episodes=2, parts=((2, False), (6, False)), after=(3.6, 4.4), now=(10.5, 13.5))
def two_leaks(w, d):
    """v2 brings one leak, v4 another on top: the oldest that is active is the answer."""
    w.write(d, lambda l, age, t: (2.0 * age if l["release"] >= 2 else 0) + (4.0 * age if l["release"] >= 4 else 0))


# ---- damaged data ----
@mode(verdict="leak", culprit="v3", state="active")
def gaps(w, d):
    """Hours without a sample, and a daemon that was down over a deploy."""
    w.write(d, w.grow_from(3, 3.0), keep=lambda t: not (3 < t < 5 or 11.5 < t < 13 or 20 < t < 22.5))


@mode(verdict="leak", culprit="v3", state="active")
def clock_step(w, d):
    """The clock is set 4 minutes ahead at 21 h."""
    w.clock = lambda t: 4 / 60 if t >= 21 else 0.0
    for l in w.lives:
        l["born"] = T0 + round((l["start"] + w.clock(l["start"])) * 3600e3)
    w.write(d, w.grow_from(3, 3.0))


@mode(verdict="leak", culprit="v3", state="active")
def load_counter_starts_again(w, d):
    """The counter of requests dies with the program, at every deploy."""
    ends = [x["t"] for x in w.deploys]
    w.counter = lambda t, v: 0 if any(e <= t < e + w.dt for e in ends) else v
    w.write(d, w.grow_from(3, 3.0))


# ---- nothing to blame ----
@mode(verdict="leak", culprit=None, not_a_deploy=.5, state="active", ruled_out={"no deploy began it": False, "no lasting change": True})
def one_life_grows(w, d):
    """One process, one life, no deploy: growth, and nobody to blame."""
    w.deploys, w.slots = [], 1
    w.lives = [dict(slot=0, release=0, start=-3, end=w.span)]
    w.write(d, lambda l, age, t: 2.0 * age)


@mode(verdict="none", culprit=None, says="trend of a life after its warm-up: ")
def one_life_flat(w, d):
    w.deploys, w.slots = [], 1
    w.lives = [dict(slot=0, release=0, start=-3, end=w.span)]
    w.write(d)


@mode(verdict=("none", "plateau"), culprit=None)
def deploys_and_nothing_else(w, d):
    w.write(d)


# ---- what came, against what should ----
def problems(e, x):
    """What is wrong with answer x; empty: nothing."""
    bad = []
    culprit = x["culprit"]["version"] if x.get("culprit") else None
    verdicts = e["verdict"] if isinstance(e["verdict"], tuple) else (e["verdict"],)
    say = lambda what, got, want: bad.append("%s is %s, should be %s" % (what, got, want))
    if x["verdict"] not in verdicts:
        say("verdict", x["verdict"], " or ".join(verdicts))
    if culprit != e["culprit"]:
        say("culprit", culprit, e["culprit"])
    for k in ("state", "signal"):
        if k in e and x.get(k) != e[k]:
            say(k, x.get(k), e[k])
    if "fixed_by" in e and (x.get("fixed_by") or {}).get("version") != e["fixed_by"]:
        say("fixed_by", (x.get("fixed_by") or {}).get("version"), e["fixed_by"])
    if "not_a_deploy" in e and x["not_a_deploy_probability"] < e["not_a_deploy"]:
        say("not_a_deploy", "%.2f" % x["not_a_deploy_probability"], "%.2f or more" % e["not_a_deploy"])
    for text in [e["says"]] if isinstance(e.get("says"), str) else e.get("says", ()):
        if not any(text in z["text"] for z in x["evidence"] + [x]):
            say("evidence", [z["text"] for z in x["evidence"]], text)
    if "says_not" in e and any(e["says_not"] in z["text"] for z in x["evidence"] + [x]):
        say("what is said", [z["text"] for z in x["evidence"] + [x]], "without " + e["says_not"])
    for text, out in e.get("ruled_out", {}).items():
        if [z["ruled_out"] for z in x["evidence"] if z["text"].startswith(text)] != [out]:
            say('"%s" among what is ruled out' % text, [z for z in x["evidence"] if z["kind"] == "rival"], out)
    if "before" in e and not abs(x["slope_bytes_per_second"]["before"] * 3600 / MIB) < e["before"]:
        say("MiB an hour before", x["slope_bytes_per_second"]["before"], "less than %g" % e["before"])
    if "higher" in e:
        of_one = [re.search(r"of a process stands ([0-9.]+) MiB higher \(95 %: ([0-9.]+) MiB to ([0-9.]+) MiB\)", z["text"]) for z in x["evidence"]]
        found = [[float(v) for v in m.groups()] for m in of_one if m]
        if len(found) != 1 or not e["higher"][0] <= found[0][1] <= found[0][0] <= found[0][2] <= e["higher"][1]:
            say("MiB that a process stands higher", found, "within %g to %g, with its interval" % e["higher"])
    if "no_change" in e and x["no_change_probability"] > e["no_change"]:
        say("no_change", "%.2f" % x["no_change_probability"], "%.2f or less" % e["no_change"])
    if "together" in e:
        p = {c["version"]: c["probability"] for c in x["candidates"]}
        if sum(p.get(v, 0) for v in e["together"]) < .8:
            say("probability of " + " and ".join(e["together"]), "%.2f" % sum(p.get(v, 0) for v in e["together"]), "0.80 or more")
        if min(p.get(v, 0) for v in e["together"]) < .3:
            say("each of " + " and ".join(e["together"]), "%.2f" % min(p.get(v, 0) for v in e["together"]), "0.30 or more")
    if "episodes" in e and len(x["episodes"]) != e["episodes"]:
        say("number of episodes", len(x["episodes"]), e["episodes"])
    if "parts" in e:
        got = [(z["process_bytes_per_second"] * 3600 / MIB, z["reduced"]) for z in x["episodes"] if z["process_bytes_per_second"] is not None]
        if len(got) != len(e["parts"]) or any(abs(g[0] - p[0]) > .1 * p[0] or g[1] != p[1] for g, p in zip(got, e["parts"])):
            say("MiB an hour of a process in each part, and whether it was reduced", got, e["parts"])
    for k in ("after", "now"):
        if k in e and not e[k][0] <= (x["slope_bytes_per_second"][k] or 0) * 3600 / MIB <= e[k][1]:
            say("MiB an hour " + k, (x["slope_bytes_per_second"][k] or 0) * 3600 / MIB, "within %g to %g" % e[k])
    if "again" in e:
        h = (x["look_again_ms"] - T0) / 3600e3 if x["look_again_ms"] is not None else float("nan")
        if not e["again"][0] <= h <= e["again"][1]:
            say("when to look again", "%.2f h" % h, "within %g to %g h" % e["again"])
    if "onset" in e:
        h = (x["onset_ms"] - T0) / 3600e3 if x.get("onset_ms") is not None else float("nan")
        if not e["onset"][0] <= h <= e["onset"][1]:
            say("onset", "%.1f h" % h, "within %g to %g h" % e["onset"])
    if "covers" in e:
        lo, hi = ((x[k] - T0) / 3600e3 if x.get(k) is not None else float("nan") for k in ("onset_lo_ms", "onset_hi_ms"))
        if not lo - .02 <= e["covers"] <= hi + .02:
            say("interval of the onset", "%.2f h to %.2f h" % (lo, hi), "about %g h" % e["covers"])
    total = sum(c["probability"] for c in x["candidates"]) + x["not_a_deploy_probability"] + x["no_change_probability"]
    if abs(total - 1) > .01:
        say("sum of probabilities", "%.3f" % total, "1")
    return bad


def units_of_a_number(binary, top):
    """What `status`, `deploys` and `plot` print of a program whose processes multiply; what is wrong with it."""
    folder, db = os.path.join(top, "processes_multiply"), os.path.join(top, "units.db")
    run = lambda *a: subprocess.run([binary, "--db", db, *a], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()
    run("import", "app", folder)
    said = {c: run(*c.split()) for c in ("status", "deploys app", "plot app")}
    return ["%s: %s" % (c, t) for c, t in said.items() if not re.search(r"[0-9.]+ processes/h", t)]


def main():
    binary, top, names = sys.argv[1], sys.argv[2], sys.argv[3:] or list(MODES)
    for n in names:
        f, _ = MODES[n]
        f(World(n), os.path.join(top, n))
    p = subprocess.run([binary, "analyze", "--json", "--jobs", "2"] + [os.path.join(top, n) for n in names], stdout=subprocess.PIPE)
    lines = p.stdout.decode().splitlines()
    if p.returncode or len(lines) != len(names):
        print("Bail out! analyze: exit code %d, %d answers for %d folders" % (p.returncode, len(lines), len(names)))
        return 1
    units = units_of_a_number(binary, top) if "processes_multiply" in names else None
    print("1..%d" % (len(names) + (units is not None)))
    failed = 0
    for i, (n, line) in enumerate(zip(names, lines)):
        bad = problems(MODES[n][1], json.loads(line))
        if n in TODO and not bad:
            print("# %s is right now: take it off the list TODO" % n)
        todo = " # TODO " + TODO[n] if n in TODO and bad else ""
        print("%s %d - %s%s" % ("not ok" if bad else "ok", i + 1, n, todo))
        for b in bad:
            print("#   " + b)
        failed += bool(bad) and n not in TODO
    if units is not None:
        print("%s %d - units_of_a_number" % ("not ok" if units else "ok", len(names) + 1))
        for b in "\n".join(units).splitlines():
            print("#   " + b)
        failed += bool(units)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
