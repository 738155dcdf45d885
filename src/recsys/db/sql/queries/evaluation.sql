-- What a backtest reads. The rows are those that the builders of signals.sql read, for all days.

-- name: happened
select event.item_id, event.event_type, event.occurred_at, encode(event.user_key, 'hex'), event.session_id
from interaction_events as event
where event.tenant_id = %(tenant_id)s
    and event.occurred_at >= %(since)s
    and (event.surface = any(%(surfaces)s) or (event.surface is null and %(unnamed)s))
    and not exists (
        select from item_tags as tags
        where tags.tenant_id = %(tenant_id)s and tags.namespace = %(namespace)s and tags.item_id = event.item_id
            and tags.deleted_at is not null and not tags.available
    )
order by event.occurred_at, event.seq, event.event_id

-- name: tagged
select item_id, tags, available
from item_tags
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and (deleted_at is null or available)
order by item_id
