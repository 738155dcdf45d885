-- What the drain and the readers of events say to the database.

-- name: exposure_batch
create temporary table exposure_batch (like exposure_events including defaults) on commit drop

-- name: copy_exposures
copy exposure_batch (
    id, tenant_id, occurred_at, request_id, surface, segment, user_key, session_id, experiment_id, experiment_variant,
    algo_version, config_etag, rules_etag, signals_version, item_ids, scores, propensities, request, meta
) from stdin

-- name: insert_exposures
-- The person may have been erased, or the tenant removed, while the record lay in a spool.
insert into exposure_events (
    id, tenant_id, occurred_at, request_id, surface, segment, user_key, session_id, experiment_id, experiment_variant,
    algo_version, config_etag, rules_etag, signals_version, item_ids, scores, propensities, request, meta
)
select
    id, tenant_id, occurred_at, request_id, surface, segment, user_key, session_id, experiment_id, experiment_variant,
    algo_version, config_etag, rules_etag, signals_version, item_ids, scores, propensities, request, meta
from exposure_batch as record
where not exists (
    select from erasures
    where erasures.tenant_id = record.tenant_id
        and (erasures.user_key = record.user_key or erasures.session_id = record.session_id)
        and record.occurred_at <= erasures.erased_at
) and not exists (select from tenant_removals where tenant_removals.tenant_id = record.tenant_id)
on conflict do nothing

-- name: empty_exposure_batch
truncate exposure_batch

-- name: interaction_batch
create temporary table interaction_batch (like interaction_events including defaults) on commit drop

-- name: copy_interactions
copy interaction_batch (
    event_id, tenant_id, occurred_at, received_at, seq, request_id, user_key, session_id, surface, segment,
    event_type, item_id, position, value, meta
) from stdin

-- name: insert_interactions
-- What came in after the erasure but happened before it goes too. The days are marked in the same transaction.
with landed as (
    insert into interaction_events (
        event_id, tenant_id, occurred_at, received_at, seq, request_id, user_key, session_id, surface, segment,
        event_type, item_id, position, value, meta
    )
    select
        event_id, tenant_id, occurred_at, received_at, seq, request_id, user_key, session_id, surface, segment,
        event_type, item_id, position, value, meta
    from interaction_batch as record
    where not exists (
        select from erasures
        where erasures.tenant_id = record.tenant_id
            and (erasures.user_key = record.user_key or erasures.session_id = record.session_id)
            and least(record.occurred_at, record.received_at) <= erasures.erased_at
    ) and not exists (select from tenant_removals where tenant_removals.tenant_id = record.tenant_id)
    on conflict do nothing
    returning tenant_id, surface, occurred_at
),
marked as (
    insert into signal_days_touched (tenant_id, surface, day)
    select distinct tenant_id, surface, (occurred_at at time zone 'UTC')::date from landed
)
select count(*) from landed

-- name: empty_interaction_batch
truncate interaction_batch

-- name: positions
select spool_id, segment, position, updated_at < now() - make_interval(secs => %(keep_seconds)s)
from spool_positions
where spool_id = any(%(spools)s)

-- name: advance
insert into spool_positions (spool_id, segment, position)
values (%(spool_id)s, %(segment)s, %(position)s)
on conflict (spool_id, segment) do update set position = excluded.position, updated_at = now()
where spool_positions.position < excluded.position

-- name: forget
delete from spool_positions where spool_id = %(spool_id)s and segment = %(segment)s

-- name: bury
insert into dead_letters (id, tenant_id, kind, record, reason, sqlstate, spool_id)
values (%(id)s, %(tenant_id)s, %(kind)s, %(record)s, %(reason)s, %(sqlstate)s, %(spool_id)s)
on conflict (id) do nothing

-- name: dead_letters
select id, tenant_id, kind, record, reason, sqlstate, spool_id, created_at
from dead_letters
where replayed_at is null
order by created_at, id
limit %(limit)s

-- name: replayed
update dead_letters set replayed_at = now() where id = %(id)s

-- name: refused_again
update dead_letters set reason = %(reason)s, sqlstate = %(sqlstate)s where id = %(id)s

-- name: recent_by_user
select item_id, event_type, occurred_at
from interaction_events
where tenant_id = %(tenant_id)s and user_key = %(user_key)s
order by occurred_at desc, seq desc
limit %(limit)s

-- name: recent_by_session
select item_id, event_type, occurred_at
from interaction_events
where tenant_id = %(tenant_id)s and session_id = %(session_id)s
order by occurred_at desc, seq desc
limit %(limit)s

-- name: recent_by_user_or_session
-- What somebody did before signing in belongs to the session alone.
select item_id, event_type, occurred_at
from (
    (
        select item_id, event_type, occurred_at, seq, event_id
        from interaction_events
        where tenant_id = %(tenant_id)s and user_key = %(user_key)s
        order by occurred_at desc, seq desc
        limit %(limit)s
    )
    union
    (
        select item_id, event_type, occurred_at, seq, event_id
        from interaction_events
        where tenant_id = %(tenant_id)s and session_id = %(session_id)s
        order by occurred_at desc, seq desc
        limit %(limit)s
    )
) as event
order by occurred_at desc, seq desc
limit %(limit)s

-- name: log_begins
-- The first day that a log may hold.
select min(lower_bound) from recsys_partitions(%(parent)s) where isfinite(lower_bound)

-- name: exposures_between
select id, tenant_id, occurred_at, request_id, surface, segment, algo_version, item_ids, scores, user_key, session_id,
    experiment_id, experiment_variant, config_etag, rules_etag, signals_version, propensities, meta::text as meta
from exposure_events
where tenant_id = %(tenant_id)s and occurred_at >= %(begin)s and occurred_at < %(end)s
    and (%(surface)s::text is null or surface = %(surface)s)
order by occurred_at, id

-- name: outcomes_between
select event_id, tenant_id, occurred_at, received_at, seq, event_type, item_id, request_id, user_key, session_id,
    surface, segment, position, value
from interaction_events
where tenant_id = %(tenant_id)s and occurred_at >= %(begin)s and occurred_at < %(end)s
    and (%(surface)s::text is null or surface = %(surface)s)
    and request_id is not null and event_type = any (%(types)s)
order by occurred_at, seq, event_id
