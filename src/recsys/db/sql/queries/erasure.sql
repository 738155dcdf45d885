-- What an erasure says to the database.

-- name: heed
-- Said by whoever stores events, before the statement that looks for tombstones: an erasure waits for those who are at it.
select pg_advisory_xact_lock_shared(hashtext('recsys.erasure'))

-- name: limit_wait
select set_config('lock_timeout', %(milliseconds)s, true)

-- name: wait_for_writers
select pg_advisory_xact_lock(hashtext('recsys.erasure'))

-- name: entomb
insert into erasures (tenant_id, user_key, session_id, requested_by_sub)
select %(tenant_id)s, user_key, null, %(sub)s from unnest(%(user_keys)s::bytea[]) as key (user_key)
union all
select %(tenant_id)s, null, session_id, %(sub)s from unnest(%(session_ids)s::text[]) as session (session_id)
returning id, erased_at

-- name: erase_exposures
with gone as (
    delete from exposure_events
    where tenant_id = %(tenant_id)s and (user_key = any (%(user_keys)s) or session_id = any (%(session_ids)s))
        and occurred_at >= %(begin)s and occurred_at < %(end)s and occurred_at <= %(erased_at)s
    returning 1
)
select count(*) from gone

-- name: erase_interactions
-- What came in after the tombstone but happened before it goes too. Builders are told the days.
with doomed as (
    select event_id, occurred_at
    from interaction_events
    where tenant_id = %(tenant_id)s and (user_key = any (%(user_keys)s) or session_id = any (%(session_ids)s))
        and least(occurred_at, received_at) <= %(erased_at)s
    limit %(limit)s
),
gone as (
    delete from interaction_events as event
    using doomed
    where event.tenant_id = %(tenant_id)s and event.event_id = doomed.event_id and event.occurred_at = doomed.occurred_at
    returning event.surface, event.occurred_at
),
marked as (
    insert into signal_days_touched (tenant_id, surface, day)
    select distinct %(tenant_id)s::uuid, surface, (occurred_at at time zone 'UTC')::date from gone
)
select count(*) from gone

-- name: erase_detached
select exposures, interactions
from recsys_erase_detached(%(tenant_id)s, %(user_keys)s::bytea[], %(session_ids)s::text[], %(erased_at)s)

-- name: letters
select id, kind, record from dead_letters where tenant_id = %(tenant_id)s or tenant_id is null

-- name: drop_letters
delete from dead_letters where id = any (%(ids)s)

-- name: complete
update erasures
set completed_at = now(),
    exposures_deleted = case when id = %(id)s then %(exposures)s else exposures_deleted end,
    interactions_deleted = case when id = %(id)s then %(interactions)s else interactions_deleted end
where tenant_id = %(tenant_id)s and completed_at is null
    and (user_key = any (%(user_keys)s) or session_id = any (%(session_ids)s))
