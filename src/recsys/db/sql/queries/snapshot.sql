-- A namespace's rows, read for a snapshot: one row for each item, its days and neighbours packed behind each other, because a
-- message for each of 20 million rows costs the reader four times as long. Neighbours travel as 64-bit keys, ids only once.

-- name: prepare
select set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
    set_config('cursor_tuple_fraction', '1', true)  -- all rows are wanted: no index scan for the sake of the first ones

-- name: tags
-- Last: when a new item was created, in hours since 1970; 0 for all others.
select item_id, hashtextextended(item_id, %(seed)s), tags, available, deleted_at is not null and not available,
    case when created_at >= %(new_from)s::timestamp at time zone 'UTC' then extract(epoch from created_at)::bigint / 3600 else 0 end
from item_tags
where tenant_id = %(tenant_id)s and namespace = %(namespace)s

-- name: popularity
-- Packed: day int4, score float8.
select item_id, hashtextextended(item_id, %(seed)s),
    coalesce(
        string_agg(date_send(day) || float8send(least(score, 1e15)::float8), '')
            filter (where day between %(popularity_from)s and %(until)s),
        ''
    )
from item_popularity_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s
group by item_id

-- name: covisitation
-- Packed: key of the neighbour int8, day int4, score float4.
select item_id, hashtextextended(item_id, %(seed)s),
    coalesce(
        string_agg(
            int8send(hashtextextended(neighbor_id, %(seed)s)) || date_send(day) || float4send(least(score, 1e15)::float4), ''
        ) filter (where day between %(covisitation_from)s and %(until)s),
        ''
    )
from item_covisit_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s
group by item_id

-- name: ids_of_neighbors
-- Only for neighbours that are items nowhere: rows seeded by hand in one direction.
select distinct neighbor_id, hashtextextended(neighbor_id, %(seed)s)
from item_covisit_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and hashtextextended(neighbor_id, %(seed)s) = any(%(keys)s)

-- name: sessions
-- The newest sessions with more than one item, newest first: a session id's events, else a visitor's without a long pause, the newest
-- item first. Events of one time stand in the order of their arrival.
with events as (
    select event.item_id, event.occurred_at, event.seq, event.event_id, event.session_id is null as by_visitor,
        coalesce('s' || event.session_id, 'u' || encode(event.user_key, 'hex')) as visit
    from interaction_events as event
    left join unnest(%(event_types)s::text[], %(event_weights)s::float8[]) as kind (event_type, weight) using (event_type)
    where event.tenant_id = %(tenant_id)s and event.occurred_at >= %(since)s and event.occurred_at <= %(now)s
        and (event.surface = any(%(surfaces)s) or (event.surface is null and %(unnamed)s))
        and (event.session_id is not null or event.user_key is not null)
        and coalesce(kind.weight, 1) > 0
),
paused as (
    select *, by_visitor and occurred_at - lag(occurred_at) over in_order > make_interval(mins => %(session_gap_minutes)s) as after_pause
    from events
    window in_order as (partition by visit order by occurred_at, seq, event_id)
),
seated as (
    select *, count(*) filter (where after_pause) over (partition by visit order by occurred_at, seq, event_id) as sitting
    from paused
)
select array_agg(item_id order by occurred_at desc, seq desc, event_id desc)
from seated
group by visit, sitting
having min(item_id collate "C") <> max(item_id collate "C")
order by max(occurred_at) desc, visit
limit %(keep)s

-- name: is_large
-- Whether a namespace has this many rows of signals; no more are counted.
select count(*) = %(rows)s from (
    (select from item_covisit_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s limit %(rows)s)
    union all
    (select from item_popularity_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s limit %(rows)s)
    limit %(rows)s
) as counted
