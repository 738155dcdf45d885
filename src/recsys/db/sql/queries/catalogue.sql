-- name: delete_items
-- The row stays as a mark: builders and a late import leave the item alone until it is put again.
-- Rows are taken in one order, so that two deletions wait for each other instead of deadlocking.
with marked as (
    insert into item_tags as t (tenant_id, namespace, item_id, tags, price, available, deleted_at)
    select %(tenant_id)s, %(namespace)s, item_id, '{}', null, false, now()
    from unnest(%(item_ids)s::text[]) as given (item_id)
    order by item_id
    on conflict (tenant_id, namespace, item_id) do update
    set tags = '{}', price = null, available = false, updated_at = now(), deleted_at = now()
    where t.available or t.deleted_at is null
    returning 1
)
select count(*) from marked

-- name: item
select tags, price, available, created_at, updated_at, deleted_at
from item_tags
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = %(item_id)s

-- name: popularity
select day, score
from item_popularity_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = %(item_id)s
order by day desc
limit %(days)s

-- name: neighbors
select neighbor_id, sum(score) as score, max(day) as last_day
from item_covisit_daily
where tenant_id = %(tenant_id)s and namespace = %(namespace)s and item_id = %(item_id)s
group by neighbor_id
order by sum(score) desc, neighbor_id
limit %(neighbors)s
