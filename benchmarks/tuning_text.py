"""The words of `docs/tuning.md`; the figures are computed by `benchmarks.tuning`."""

# A paragraph of Markdown is one line:
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One tuning question.

    Attributes:
        table: a key of `benchmarks.tuning.TABLES`.
        asked: what the earlier system's document advises.
        answer: what to do now, and why.
    """

    table: str
    title: str
    asked: str
    answer: str


INTRO = """
# Tuning

The earlier system was tuned by hand: smaller batches, longer delays, more stagger. Here each of its tuning tables is answered with figures.

**These figures come from a simulation, not from an org.** The modelled org (16 workers, 12 ms a row, chunks of 200 rows, 10 s wait for a lock) is fitted to the four success rates of the earlier system; not measured on an org. What it shows is how policies compare, and which knob does something. The hours of your own org only your own org can tell: load a small part first.

## Try it yourself

`python -m benchmarks.simulate` plays a load in virtual time, by the policies of the earlier system and by ours. It sends nothing, needs no settings, and takes seconds. It compares, and moves no record, so it is no part of the installed program: call it in the repository.

```
python -m benchmarks.simulate
python -m benchmarks.simulate --policy test8 --policy lanes --skew uniform --skew zipf:1.0
python -m benchmarks.simulate --rows 5000000 --accounts 500000 --background heavy --partitions 10
python -m benchmarks.simulate --accounts 46000 --skew uniform --background none --seed 1 --json
```

| option | meaning |
|---|---|
| `--rows` | rows to write |
| `--accounts` | parents that the rows have |
| `--skew` | how rows fall on parents: `uniform`, `zipf:1.0`, or `hot:0.05`, where one parent has that share; may be given several times |
| `--background` | what others do meanwhile. `none`; `normal`: 2 saves of users a second, and each minute an integration that locks 200 parents for about 15 s; `heavy`: 10 saves a second, and such an integration every 15 s, for about 18 s |
| `--partitions` | id ranges, or chains of the earlier system; the policy `sorted` always has 20 ranges |
| `--policy` | a way to write; may be given several times |
| `--seed` | the same seed gives the same figures |
| `--json` | a list with one object a run: policy, skew, background, rows, first_pass_pct, final_pct, hours, times_bound, requests, jobs, users_blocked_pct |

| policy | what it does |
|---|---|
| `test3` | 5 chains at once, a job of 2,000 rows every 36 s in each; nobody looks at a job again |
| `test4`, `test7` | a job of 500 rows every 4.05 s in a chain, chains start an hour apart. They are one policy: the retry of Test 7 repeated HTTP calls, and a locked row fails in no call |
| `test8` | a job of 500 rows every 4.875 s, chains start 1.5 hours apart |
| `submit-and-wait` | one job of 10,000 rows in flight for each partition, looked at every 10 s |
| `sorted` | 20 jobs of 10,000 rows in flight, the rows of each sorted by parent |
| `lanes` | what dc_assets does: rows of one parent never travel in two jobs at once, rows that met a lock are sent again |

The times between jobs are those that the durations of the earlier system allow: 800 jobs in a chain that ends after about an hour cannot be 20 to 30 s apart.

How to read the tables: *first pass* is the share of rows that landed with their first attempt, *landed* the share that landed at all; where three seeds differ by a point or more the range stands behind the mean. *Bound* is the least time the org can need: all work over all workers, or the rows of the biggest parent one after another. A policy that loses rows can end before that: a row that fails is no work. The tables are written by `python -m benchmarks.tuning --write`.
"""

SECTIONS_TEXT = (
    Section(
        "batch-size",
        "Batch size",
        "start with 500, go down to 250 below 95 %, up to 750 above 99.9 %, never above 2,000.",
        "leave `batch_rows_max` at 10,000. What decides is rows a second, not rows a job: at the rate of Test 8 jobs of 250 and of 10,000 rows do equally well, and a bigger job at the same pace is what collapses. In lanes a small job costs requests and time and wins nothing. Batches are made smaller by themselves where the org is too slow to end one in half of its time limit.",
    ),
    Section(
        "partitions",
        "Number of partitions",
        "1-2 for up to 500,000 rows, 3-5 up to 2 million, more above.",
        "use 5, and fewer for less than 400,000 rows; keep at least 80,000 rows in each. In the earlier system the number of chains was hidden pace: fewer chains overlapped more, and failed. Lanes need partitions only to read and to reconcile; all are written at once. Each one more cuts the rows of a parent into more jobs, which costs requests and, in a busy org, a few more locks.",
    ),
    Section(
        "stagger",
        "Stagger",
        "half an hour for independent rows, 1.5 to 2 hours where many rows share parents.",
        "there is none, and none is needed. Stagger helped because it kept chains from running at once; on skewed parents even two hours did not help. All partitions of dc_assets run together and share one window of jobs in flight, and no two jobs hold rows of one parent.",
    ),
    Section(
        "delay",
        "Delay between batches",
        "20-30 s, 30-45 s if there are still locks, 15-20 s above 99 %.",
        "there is none, and none is needed. A delay buys success with idle workers, and the delay that is long enough depends on the data. On skewed parents no delay of this table is. dc_assets sends the next job when a slot of the window is free, and halves the window for a while when many rows meet locks. If users complain, lower `--window`.",
    ),
    Section(
        "retries",
        "Retries",
        "3 retries after 2, 5 and 10 s; after 5, 10 and 20 s where there are many locks.",
        "leave the ladder alone: 5, 15, 30, 60 s and then 120 s, each row up to eight attempts, in its own lane. Sending failed rows again at once, from clients that do not look, makes more jobs meet and so *fewer* rows land: the calm of Test 8 turns into a storm in some histories. In lanes a row only ever meets other people's locks, and those end; it is only a row that met a lock that is sent again, never its whole job.",
    ),
    Section(
        "kinds",
        "Kinds of objects",
        "more stagger, delay and partitions where rows share parents; bigger batches and fewer "
        "partitions where they have none.",
        "nothing is to be set by hand. Rows without a parent are spread over all lanes. Big parents are placed into lanes by their sizes, found from the counts before the first job; one with more rows than a lane should hold has a lane to itself. It is the true limit of a load: its rows can only be written one after another, so when one parent has a fifth of all rows the bound is three times as long, whatever the policy. `sorted` alone is a good cheap change for even parents; it does not try failed rows again.",
    ),
    Section(
        "more-rows",
        "Five million rows and more",
        "10 partitions, 2 hours of stagger, several days.",
        "nothing changes but the hours, which grow with the rows. Keep 5 partitions, or 10 when you want smaller steps to read and reconcile; run it in one go. Only the daily allowance of requests is to be looked at, and that grows more slowly than the rows.",
    ),
)
