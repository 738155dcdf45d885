-- name: policy
select accept_days, retain_days from partition_policies where parent_table = 'interaction_events'

-- name: partitions_needed
-- Intervals that hold one of these days and have no partition yet.
select count(distinct i.lower_bound)
from partition_policies as p
cross join unnest(%(days)s::date[]) as d (day)
cross join lateral recsys_partition_interval(p.interval, d.day::timestamp at time zone 'UTC') as i
where p.parent_table = 'interaction_events'
    and not exists (
        select from recsys_partitions('interaction_events') as made
        where made.lower_bound <= d.day::timestamp at time zone 'UTC' and d.day::timestamp at time zone 'UTC' < made.upper_bound
    )

-- name: ensure_partitions
select recsys_ensure_partitions('interaction_events', day::timestamp at time zone 'UTC') from unnest(%(days)s::date[]) as d (day)

-- name: find
-- Events that may be stored at any time: the primary key of every partition is looked at.
select event_id, occurred_at from interaction_events where tenant_id = %(tenant_id)s and event_id = any (%(event_ids)s) limit 1

-- name: stage
create temporary table staged_interactions (
    event_id text, occurred_at timestamptz, seq bigint, event_type text, item_id text, request_id text, user_key bytea,
    session_id text, surface text, segment text, position integer, value double precision, meta jsonb
) on commit drop

-- name: copy
copy staged_interactions (
    event_id, occurred_at, seq, event_type, item_id, request_id, user_key, session_id, surface, segment, position, value, meta
) from stdin

-- name: store
-- What is there already stays as it is, and people who were erased since stay erased. The days that gained events are noted with them.
with kept as (
    select * from staged_interactions as s
    where not exists (
        select from erasures as e
        where e.tenant_id = %(tenant_id)s and e.user_key = s.user_key and s.occurred_at <= e.erased_at
    ) and not exists (
        select from erasures as e
        where e.tenant_id = %(tenant_id)s and e.session_id = s.session_id and s.occurred_at <= e.erased_at
    )
), stored as (
    insert into interaction_events (
        tenant_id, event_id, occurred_at, seq, event_type, item_id, request_id, user_key, session_id, surface, segment, position, value, meta
    )
    select %(tenant_id)s, event_id, occurred_at, seq, event_type, item_id, request_id, user_key, session_id, surface, segment, position, value, meta
    from kept
    on conflict do nothing
    returning surface, occurred_at
), touched as (
    insert into signal_days_touched (tenant_id, surface, day)
    select distinct %(tenant_id)s::uuid, surface, (occurred_at at time zone 'UTC')::date from stored
)
select (select count(*) from stored), (select count(*) from kept)

-- name: lock_items
-- In one order, so that two imports wait for each other instead of deadlocking.
select from item_tags
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = any (%(item_ids)s)
order by item_id for update

-- name: put_items
-- A field in `keeps` was not given: what is stored stays. An item that was deleted begins anew.
with given as (
    select * from jsonb_to_recordset(%(rows)s::jsonb)
        as g (item_id text, tags text[], price numeric, available boolean, created_at timestamptz, keeps text[])
), wanted as (
    select g.item_id,
        coalesce(case when 'tags' = any (g.keeps) then s.tags else g.tags end, '{}') as tags,
        case when 'price' = any (g.keeps) then s.price else g.price end as price,
        coalesce(case when 'available' = any (g.keeps) then s.available else g.available end, true) as available,
        coalesce(g.created_at, s.created_at, now()) as created_at
    from given as g
    left join item_tags as s
        on s.tenant_id = %(tenant_id)s and s.namespace = %(namespace)s and s.item_id = g.item_id
        and (s.available or s.deleted_at is null)
), written as (
    insert into item_tags as t (tenant_id, namespace, item_id, tags, price, available, created_at)
    select %(tenant_id)s, %(namespace)s, item_id, tags, price, available, created_at from wanted
    on conflict (tenant_id, namespace, item_id) do update
    set tags = excluded.tags, price = excluded.price, available = excluded.available,
        created_at = excluded.created_at, updated_at = now(), deleted_at = null
    where (t.tags, t.price, t.available, t.created_at, t.deleted_at)
        is distinct from (excluded.tags, excluded.price, excluded.available, excluded.created_at, null::timestamptz)
    returning xmax = 0 as created
)
select count(*) filter (where created), count(*) filter (where not created) from written
