"""A seeded world of orders, with exact answers: for the demo, the tests, the bench and drills.

    world = simulate(20_000, seed=7, scenario="sales-night", end=…)
    written = write(world, "night.jsonl", "night.answers.json")

Customers come back by a power law; six channels sell five categories of goods, some in two parcels, some for a deposit;
warehouses, carriers and gateways often know no order number and speak of `alias/wms:…`, `alias/waybill:…` or
`alias/payment:…`. Each order has a true life (`orders`); `delivery` says when the engine hears of it; `sabotage` spoils
that for some orders, one kind to an order, at the rates of the scenario (`scenarios`).

    duplicate, reserialised   the same source and id again, byte for byte or with the fields of data in another order
    divergent                 the same source and id with other data: a dead letter, beside the fact that holds
    repeated, conflicting     the same business key under another id; with the same content, or another
    late                      a fee or scan after facts that occurred later; moves no order
    reordered                 a step after the one that follows it, within the grace: doubted, then cleared
    overdue_news              the same after the grace: frozen, then thawed, or not where a person must
    early                     the payment before the order is placed
    illegal                   a step the lifecycle has no way for: frozen (in doubt if the grace is not over at the end)
    malformed                 a line intake must refuse, by the reason it must give
    unknown_type, _field      kept and counted
    orphan                    a scan of a waybill of no order: limbo

`sync-stopped` silences one channel for three hours, which then all come in a flood, and one for good; `stock-down` fails
every stock lock for 42 minutes of the peak.

Some customers look like others (`kin`): one person twice within the hour, neighbours, households, namesakes, parcels to a
pick-up point, each writing name, phone and address their own way; `people` in the answers says whose each order is. In
the scenarios that have `reports` and `beats`, nodes report each minute and channels show that they live (`telemetry`).

`day` is one or several days as they should be, with the rhythm of the day and the week: nobody need look at anything. The
others over days are such days, but for one thing on the last: `node-failing` (a node slow and failing for 70 minutes),
`sync-died` (a channel's orders unheard of for four hours), `address-table-empty` (a channel's orders without a
usable address, locked and not accepted for two), `stock-refused` (paid and never locked), `standing-still` (orders that stop
anywhere before they ship). `struck` in the answers names those orders, where they stand, since when and until when.

The answers are worked out from the true lives and the arrivals, by the terms of the house (`terms`), never by a fold:

    events, accepted          lines; those neither dead nor duplicates nor divergent (an alias's fact counts once)
    late                      facts folded after one of their stream that occurred later, whether they matter or not
    frozen, in_doubt          at the end; thawed and doubt_cleared: before it (a thawed order is not listed as cleared)
    breached                  (order, stage) that stand at the end: true time from start to stop, or to the end, beyond
                              the deadline; a frozen order's clocks stand still from the offending fact on
    excused                   breached when the deadline passed unheard of, then told to have been in time
    limbo                     aliases and orders with facts and no order at the end
    money, states             of the orders placed: sums in minor units by currency, orders by state
    struck                    (order, state it stands in or `unheard`, since, until or "" if it does not go on)
    people                    (order, person, address or "", both together, kind of look-alikes or "", ways of writing):
                              orders of the same person to the same address may be merged

Certain they are because the world avoids what would hang on a hair: facts occur at whole milliseconds, and
arrive at fractions of one; no kind of sabotage takes an order with a deadline between doubt and outcome; nothing but
a closing sign of life arrives in the last five seconds.
"""

from engine.simulate.scenarios import SCENARIOS
from engine.simulate.terms import HOUSE, Terms, terms_of
from engine.simulate.world import World, simulate
from engine.simulate.writing import Progress, Written, write

__all__ = ["HOUSE", "SCENARIOS", "Progress", "Terms", "World", "Written", "simulate", "terms_of", "write"]
