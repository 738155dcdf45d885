-- A namespace's rows, read for a snapshot. Ids travel as 64-bit hashes of fixed width: as text, 20 million rows take four times as long.
-- An item that was deleted through the API is in none of these results, or is not found among the items and dropped.

-- name: items
with gone as (
    select item_id from item_tags
    where tenant_id = %(tenant_id)s and namespace = %(namespace)s and deleted_at is not null and not available
),
named as (
    select item_id from item_tags where tenant_id = %(tenant_id)s and namespace = %(namespace)s
    union
    select item_id from item_popularity_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s
    union
    select item_id from item_covisit_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s
    union
    select neighbor_id from item_covisit_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s
)
select item_id as id, hashtextextended(item_id, %(seed)s) as key
from named
where not exists (select from gone where gone.item_id = named.item_id)

-- name: tags
select tag as id, hashtextextended(tag, %(seed)s) as key
from (
    select distinct unnest(tags) as tag from item_tags where tenant_id = %(tenant_id)s and namespace = %(namespace)s
) as words

-- name: popularity
copy (
    select hashtextextended(item_id, %(items_seed)s), day, least(score, 1e15)::float8
    from item_popularity_daily
    where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day >= %(first)s and day <= %(last)s
) to stdout (format binary)

-- name: covisitation
copy (
    select hashtextextended(item_id, %(items_seed)s), hashtextextended(neighbor_id, %(items_seed)s), day, least(score, 1e15)::float4
    from item_covisit_daily
    where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day >= %(first)s and day <= %(last)s
) to stdout (format binary)

-- name: tagged
copy (
    select hashtextextended(item_id, %(items_seed)s), hashtextextended(tag, %(tags_seed)s)
    from item_tags cross join unnest(tags) as tag
    where tenant_id = %(tenant_id)s and namespace = %(namespace)s
) to stdout (format binary)

-- name: unavailable
copy (
    select hashtextextended(item_id, %(items_seed)s)
    from item_tags
    where tenant_id = %(tenant_id)s and namespace = %(namespace)s and not available
) to stdout (format binary)
