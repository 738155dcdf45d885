-- What a snapshot lacks: the items that changed since it was read, and their rows. Ids travel as they are, because they are few.

-- name: items_since
-- Items whose rows were changed by transactions that the snapshot did not see; a row of nulls if the log does not name them. Rows of the
-- log without a tenant or a namespace are about all of them.
with unseen as materialized (
    select signal, item_ids
    from signal_changes
    where xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
        and not pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot)
        and coalesce(tenant_id, %(tenant_id)s) = %(tenant_id)s
        and coalesce(namespace, %(namespace)s) = %(namespace)s
        and signal in ('tags', 'popularity', 'covisitation')
)
(
    select null::text as item_id, null::boolean as met
    where exists (select from unseen where item_ids is null)
)
union all
(
    select item_id, bool_or(signal = 'covisitation')
    from unseen, unnest(item_ids) as item_id
    group by item_id
    limit %(most)s
)

-- name: same_past
-- Whether this server's past begins with what the snapshot saw: it was not set back, and is no other one.
select (select system_identifier from pg_control_system()) || '/' || (select timeline_id from pg_control_checkpoint()) = %(cluster)s
    and pg_snapshot_xmax(pg_current_snapshot()) >= pg_snapshot_xmax(%(seen)s::pg_snapshot)

-- name: tags
select item_id, tags, available, deleted_at is not null and not available
from item_tags
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = any(%(items)s)

-- name: popularity
select item_id, day, least(score, 1e15)::float8
from item_popularity_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = any(%(items)s)
    and day between %(popularity_from)s and %(until)s
limit %(most_rows)s

-- name: covisitation
select item_id, neighbor_id, day, least(score, 1e15)::float4
from item_covisit_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = any(%(met)s)
    and day between %(covisitation_from)s and %(until)s
limit %(most_rows)s

-- name: owners
-- Items that have a row of their own, of whatever day.
select item_id
from unnest(%(items)s::text[]) as item_id
where exists (
        select from item_tags as row
        where row.tenant_id = %(tenant_id)s and row.namespace = %(namespace)s and row.item_id = item_id.item_id
    )
    or exists (
        select from item_popularity_daily as row
        where row.tenant_id = %(tenant_id)s and row.namespace = %(namespace)s and row.item_id = item_id.item_id
    )
    or exists (
        select from item_covisit_daily as row
        where row.tenant_id = %(tenant_id)s and row.namespace = %(namespace)s and row.item_id = item_id.item_id
    )
