-- A namespace's rows, read for a snapshot: one row for each item, its days and neighbours packed behind each other, because a
-- message for each of 20 million rows costs the reader four times as long. Neighbours travel as 64-bit keys, ids only once.

-- name: prepare
select set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
    set_config('cursor_tuple_fraction', '1', true)  -- all rows are wanted: no index scan for the sake of the first ones

-- name: tags
select item_id, hashtextextended(item_id, %(seed)s), tags, available, deleted_at is not null and not available
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
