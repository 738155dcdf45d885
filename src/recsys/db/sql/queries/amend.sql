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
select item_id, tags, available, deleted_at is not null and not available,
    case when created_at >= %(new_from)s::timestamp at time zone 'UTC' then extract(epoch from created_at)::bigint / 3600 else 0 end
from item_tags
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = any(%(items)s)

-- name: popularity
-- Item by item: the planner would rather read all rows of the days (`offset 0` keeps it from that).
select item_id, row.day, row.score
from unnest(%(items)s::text[]) as item_id
cross join lateral (
    select day, least(score, 1e15)::float8 as score
    from item_popularity_daily as popular
    where popular.tenant_id = %(tenant_id)s and popular.namespace = %(namespace)s and popular.item_id = item_id.item_id
        and day between %(popularity_from)s and %(until)s
    offset 0
) as row
limit %(most_rows)s

-- name: covisitation
select item_id, row.neighbor_id, row.day, row.score
from unnest(%(met)s::text[]) as item_id
cross join lateral (
    select neighbor_id, day, least(score, 1e15)::float4 as score
    from item_covisit_daily as met
    where met.tenant_id = %(tenant_id)s and met.namespace = %(namespace)s and met.item_id = item_id.item_id
        and day between %(covisitation_from)s and %(until)s
    offset 0
) as row
limit %(most_rows)s

-- name: owners
-- Items that have a row of their own, of whatever day. `exists` would be hashed: the whole table read for a few items.
select item_id
from unnest(%(items)s::text[]) as item_id
where coalesce(
    (
        select true from item_tags as row
        where row.tenant_id = %(tenant_id)s and row.namespace = %(namespace)s and row.item_id = item_id.item_id
        limit 1
    ),
    (
        select true from item_popularity_daily as row
        where row.tenant_id = %(tenant_id)s and row.namespace = %(namespace)s and row.item_id = item_id.item_id
        limit 1
    ),
    (
        select true from item_covisit_daily as row
        where row.tenant_id = %(tenant_id)s and row.namespace = %(namespace)s and row.item_id = item_id.item_id
        limit 1
    )
)
