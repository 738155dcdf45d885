-- The definitions of the signals. Words: a visit is a session id's events, else a visitor's; a sitting is a part of it without a long pause.

-- name: prepare
select set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
    -- New tables and days have no statistics: one wrong guess, and two million rows meet in a nested loop.
    set_config('enable_nestloop', 'off', true)

-- name: lock
-- Of the day. Releases that built one day of a namespace at a time hold the other lock alone, so that neither builds beside the other.
select pg_advisory_xact_lock_shared(hashtextextended('recsys signals ' || %(tenant_id)s::text || ' ' || %(namespace)s::text, 0)),
    pg_advisory_xact_lock(hashtextextended('recsys signals ' || %(tenant_id)s::text || ' ' || %(namespace)s::text || ' ' || %(day)s::date::text, 0))

-- name: touched
select surface, day, array_agg(id) from signal_days_touched where tenant_id = %(tenant_id)s group by surface, day

-- name: touch_day
insert into signal_days_touched (tenant_id, surface, day) values (%(tenant_id)s, %(surface)s, %(day)s) returning id

-- name: forget_touched
delete from signal_days_touched where id = any(%(touched)s)

-- name: touch
-- Days with events, and days with built rows that may have lost theirs.
insert into signal_days_touched (tenant_id, surface, day)
select distinct tenant_id, surface, (occurred_at at time zone 'UTC')::date
from interaction_events
where tenant_id = %(tenant_id)s
    and occurred_at >= %(first)s::timestamp at time zone 'UTC'
    and occurred_at < (%(last)s::date + 1)::timestamp at time zone 'UTC'
union
select tenant_id, namespace, day from item_popularity_daily
where tenant_id = %(tenant_id)s and day between %(first)s and %(last)s and built is distinct from false
union
select tenant_id, namespace, day from item_covisit_daily
where tenant_id = %(tenant_id)s and day between %(first)s and %(last)s and built is distinct from false

-- name: create_events
create temporary table signal_events (
    item_id text not null,
    weight float8 not null,
    visit text collate "C",
    visitor text collate "C",
    day date not null,
    occurred_at timestamptz not null,
    seq bigint not null,
    event_id text not null
) on commit drop

-- name: collect_events
-- The events that feed a namespace on a day, and before it as far as a pair reaches back. What a tenant weighs 0 is no evidence,
-- and a deleted item is none.
insert into signal_events (item_id, weight, visit, visitor, day, occurred_at, seq, event_id)
select event.item_id, coalesce(kind.weight, 1),
    coalesce('s' || event.session_id, 'u' || encode(event.user_key, 'hex')), 'u' || encode(event.user_key, 'hex'),
    (event.occurred_at at time zone 'UTC')::date, event.occurred_at, event.seq, event.event_id
from interaction_events as event
left join unnest(%(event_types)s::text[], %(event_weights)s::float8[]) as kind (event_type, weight) using (event_type)
where event.tenant_id = %(tenant_id)s
    and event.occurred_at >= (%(day)s::date - %(reach)s::integer)::timestamp at time zone 'UTC'
    and event.occurred_at < (%(day)s::date + 1)::timestamp at time zone 'UTC'
    and (event.surface = any(%(surfaces)s) or (event.surface is null and %(unnamed)s))
    and coalesce(kind.weight, 1) > 0
    and not exists (
        select from item_tags as tags
        where tags.tenant_id = %(tenant_id)s and tags.namespace = %(namespace)s and tags.item_id = event.item_id
            and tags.deleted_at is not null and not tags.available
    )

-- name: cut_off
-- A session, or a visitor in all sessions together, with more events on a day than a person has is a bot: nothing of it counts.
with bots as materialized (
    select day, visit as bot from signal_events where visit is not null group by day, visit having count(*) > %(bot_events)s
    union
    select day, visitor from signal_events where visitor is not null group by day, visitor having count(*) > %(bot_events)s
),
gone as (
    delete from signal_events
    where (day, visit) in (select day, bot from bots) or (day, visitor) in (select day, bot from bots)
    returning day
)
select (select count(*) from bots where day = %(day)s), (select count(*) from gone where day = %(day)s)

-- name: record_cut_off
insert into signal_days_cut_off (tenant_id, namespace, day, visits, events)
values (%(tenant_id)s, %(namespace)s, %(day)s, %(visits)s, %(events)s)
on conflict (tenant_id, namespace, day) do update set visits = excluded.visits, events = excluded.events

-- name: forget_cut_off
delete from signal_days_cut_off where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day = %(day)s

-- name: count_events
-- All of the day, and those that are too many for one visit's pairs.
select coalesce(sum(events), 0)::bigint,
    coalesce(sum(greatest(events - %(session_length)s, 0)) filter (where visit is not null), 0)::bigint
from (select visit, count(*) as events from signal_events where day = %(day)s group by visit) as visits

-- name: create_popularity
create temporary table new_popularity (item_id text not null, score numeric not null) on commit drop

-- name: compute_popularity
-- An item's popularity on a day is the sum of the weights of its events.
insert into new_popularity (item_id, score)
select item_id, trim_scale(round(sum(weight)::numeric, 6))
from signal_events
where day = %(day)s
group by item_id
having round(sum(weight)::numeric, 6) > 0

-- name: remove_popularity
-- Rows that no build made are the operator's; those from before that was noted count as built.
delete from item_popularity_daily as row
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day = %(day)s and built is distinct from false
    and not exists (select from new_popularity as new where new.item_id = row.item_id)

-- name: write_popularity
-- Where events give a score it replaces the operator's, and the row is the build's from then on.
insert into item_popularity_daily as row (tenant_id, namespace, item_id, day, score, built)
select %(tenant_id)s, %(namespace)s, new.item_id, %(day)s, new.score, true
from new_popularity as new
left join item_popularity_daily as old
    on old.tenant_id = %(tenant_id)s and old.namespace = %(namespace)s and old.day = %(day)s and old.item_id = new.item_id
where old.score is distinct from new.score or not old.built
order by new.item_id
on conflict (tenant_id, namespace, item_id, day) do update set score = excluded.score, built = true

-- name: create_pairs
create temporary table signal_pairs (one integer not null, other integer not null, score numeric not null) on commit drop

-- name: number_items
-- Pairs are summed and sorted as numbers, which is a third of the work of doing it with ids.
create temporary table signal_items on commit drop as
select item_id, row_number() over (order by item_id collate "C")::integer as item
from (select distinct item_id from signal_events) as items

-- name: create_seats
create temporary table signal_seats (
    place bigint not null,
    first_place bigint not null,
    day date not null,
    occurred_at timestamptz not null,
    item integer not null,
    weight float8 not null
) on commit drop

-- name: seat_events
-- A visit's first session_length events of a day count, those of one time in the order of their arrival. They take places one after
-- the other, sitting by sitting: in a table, so that the planner knows how many there are.
insert into signal_seats (place, first_place, day, occurred_at, item, weight)
with counted as (
    select visit, visit = visitor as by_visitor, day, occurred_at, seq, event_id, item, weight,
        row_number() over (partition by visit, day order by occurred_at, seq, event_id) as nth
    from signal_events
    join signal_items using (item_id)
    where visit in (select visit from signal_events where day = %(day)s)
),
paused as (
    select *, occurred_at - lag(occurred_at) over (partition by visit order by day, occurred_at, seq, event_id) as pause
    from counted
    where nth <= %(session_length)s
),
placed as (
    select *, row_number() over (order by visit, day, occurred_at, seq, event_id) as place,
        pause is null or (by_visitor and pause > make_interval(mins => %(session_gap_minutes)s)) as begins
    from paused
)
select place, max(place) filter (where begins) over (order by place rows unbounded preceding), day, occurred_at, item, weight
from placed

-- name: analyze_seats
analyze signal_seats

-- name: compute_pairs
-- Two items were met together when their events lie at most pair_window places apart in one sitting. The day is the later event's, so
-- a pair across midnight counts once. A pair weighs the geometric mean of its events' weights. It is kept once here, lesser item first.
-- apart is 1 to pair_window: of an array the planner expects ten numbers, of a series a thousand, and then sums on disk.
insert into signal_pairs (one, other, score)
select one, other, trim_scale(round(sum(weight)::numeric, 6))
from (
    select least(later.item, earlier.item) as one, greatest(later.item, earlier.item) as other,
        sqrt(later.weight * earlier.weight) as weight
    from (
        select *, unnest((%(apart)s::integer[])[:place - first_place]) as apart from signal_seats where day = %(day)s
    ) as later
    join signal_seats as earlier on earlier.place = later.place - later.apart
    where earlier.item <> later.item and later.occurred_at - earlier.occurred_at < make_interval(days => %(reach)s)
) as met
group by one, other
having round(sum(weight)::numeric, 6) > 0

-- name: spread_covisitation
-- Both directions are written. For a day that has rows, to be compared with them.
create temporary table new_covisitation on commit drop as
select shown.item_id, met.item_id as neighbor_id, directed.score, directed.item, directed.neighbor
from (
    select one as item, other as neighbor, score from signal_pairs
    union all
    select other, one, score from signal_pairs
) as directed
join signal_items as shown on shown.item = directed.item
join signal_items as met on met.item = directed.neighbor

-- name: remove_covisitation
delete from item_covisit_daily as row
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day = %(day)s and built is distinct from false
    and not exists (
        select from new_covisitation as new where new.item_id = row.item_id and new.neighbor_id = row.neighbor_id
    )

-- name: write_covisitation
insert into item_covisit_daily as row (tenant_id, namespace, item_id, neighbor_id, day, score, built)
select %(tenant_id)s, %(namespace)s, new.item_id, new.neighbor_id, %(day)s, new.score, true
from new_covisitation as new
left join item_covisit_daily as old
    on old.tenant_id = %(tenant_id)s and old.namespace = %(namespace)s and old.day = %(day)s
    and old.item_id = new.item_id and old.neighbor_id = new.neighbor_id
where old.score is distinct from new.score or not old.built
order by new.item, new.neighbor
on conflict (tenant_id, namespace, item_id, neighbor_id, day) do update set score = excluded.score, built = true

-- name: holds_popularity
select exists (select from item_popularity_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day = %(day)s)

-- name: fill_popularity
-- For a day without rows: an insert that looks for no conflicts takes two thirds of the time.
insert into item_popularity_daily (tenant_id, namespace, item_id, day, score, built)
select %(tenant_id)s, %(namespace)s, item_id, %(day)s, score, true
from new_popularity
order by item_id

-- name: holds_covisitation
select exists (select from item_covisit_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day = %(day)s)

-- name: fill_covisitation
-- In the order of the primary key, for a page of it is then found in memory by all its rows; sorted as numbers, before ids are joined.
insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score, built)
select %(tenant_id)s, %(namespace)s, shown.item_id, met.item_id, %(day)s, directed.score, true
from (
    select one as item, other as neighbor, score from signal_pairs
    union all
    select other, one, score from signal_pairs
    order by item, neighbor
) as directed
join signal_items as shown on shown.item = directed.item
join signal_items as met on met.item = directed.neighbor

-- name: analyze_events
analyze signal_events

-- name: analyze_items
analyze signal_items

-- name: analyze_popularity
analyze new_popularity

-- name: analyze_pairs
analyze signal_pairs

-- name: analyze_covisitation
analyze new_covisitation

-- name: status
select namespace, signal, rows, items, first_day, last_day
from (
    select namespace, 'popularity' as signal, count(*) as rows, count(distinct item_id) as items, min(day) as first_day, max(day) as last_day
    from item_popularity_daily where tenant_id = %(tenant_id)s group by namespace
    union all
    select namespace, 'covisitation', count(*), count(distinct item_id), min(day), max(day)
    from item_covisit_daily where tenant_id = %(tenant_id)s group by namespace
    union all
    select namespace, 'tags', count(*), count(*), null, null from item_tags where tenant_id = %(tenant_id)s group by namespace
) as signals
order by namespace, signal

-- name: cut_offs
select namespace, count(*) as days, sum(visits)::bigint as visits, sum(events)::bigint as events, max(day) as last_day
from signal_days_cut_off
where tenant_id = %(tenant_id)s
group by namespace
order by namespace

-- name: pending
select distinct surface, day from signal_days_touched where tenant_id = %(tenant_id)s order by day, surface

-- name: waiting
select distinct tenant_id
from signal_days_touched
join tenants on tenants.id = signal_days_touched.tenant_id and tenants.status = 'active'
order by tenant_id
