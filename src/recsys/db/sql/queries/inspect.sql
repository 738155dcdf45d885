-- name: tables
-- Every table but the partitions, which count for their parent. The planner's estimate is -1 before the first ANALYZE, the
-- statistics count from the last crash: the larger one is nearer.
with kin as (
    select relation.oid as parent, coalesce(tree.relid, relation.oid) as oid
    from pg_class relation
    left join lateral pg_partition_tree(relation.oid) tree on relation.relkind = 'p' and tree.isleaf
    where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'p') and not relation.relispartition
)
select relation.relname as name, coalesce(obj_description(relation.oid, 'pg_class'), '') as purpose,
    coalesce(sum(greatest(member.reltuples, pg_stat_get_live_tuples(member.oid))) filter (where member.relkind = 'r'), 0)::bigint as rows,
    coalesce(sum(pg_total_relation_size(member.oid)) filter (where member.relkind = 'r'), 0)::bigint as bytes,
    case when relation.relkind = 'p' then count(member.oid) filter (where member.relkind = 'r') end as partitions
from pg_class relation
join kin on kin.parent = relation.oid
join pg_class member on member.oid = kin.oid
group by relation.oid, relation.relname, relation.relkind
order by relation.relname

-- name: time_columns
-- The column of each table that tells when a row was last written, the first of the list that it has; no row where this role may not look.
select relation.relname as name, (
    select attribute.attname from pg_attribute attribute
    where attribute.attrelid = relation.oid and not attribute.attisdropped
        and attribute.attname = any(array['received_at', 'updated_at', 'applied_at', 'created_at', 'occurred_at', 'requested_at', 'erased_at', 'started_at'])
    order by array_position(array['received_at', 'updated_at', 'applied_at', 'created_at', 'occurred_at', 'requested_at', 'erased_at', 'started_at'], attribute.attname::text)
    limit 1
) as written_at
from pg_class relation
where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'p') and not relation.relispartition
    and has_table_privilege(relation.oid, 'select')
    and not exists (select from pg_partition_tree(relation.oid) where isleaf and not has_table_privilege(relid, 'select'))

-- name: heaps
-- What holds the rows of a table: itself, or its partitions with the newest first.
select heap.oid::regclass::text as heap, (pg_relation_size(heap.oid) / current_setting('block_size')::bigint) as pages
from pg_partition_tree(%(table)s::regclass) tree
join pg_class heap on heap.oid = tree.relid
where heap.relkind = 'r'
union
select heap.oid::regclass::text, (pg_relation_size(heap.oid) / current_setting('block_size')::bigint)
from pg_class heap
where heap.oid = %(table)s::regclass and heap.relkind = 'r'
order by heap desc

-- name: partition_keys
select partrelid::regclass::text as name, pg_get_partkeydef(partrelid) from pg_partitioned_table

-- name: columns
select attribute.attname as name, format_type(attribute.atttypid, attribute.atttypmod) as type, not attribute.attnotnull as nullable,
    case when attribute.attgenerated = '' then pg_get_expr(preset.adbin, preset.adrelid) else 'generated' end as preset,
    coalesce(col_description(attribute.attrelid, attribute.attnum), '') as meaning
from pg_attribute attribute
left join pg_attrdef preset on preset.adrelid = attribute.attrelid and preset.adnum = attribute.attnum
where attribute.attrelid = %(table)s::regclass and attribute.attnum > 0 and not attribute.attisdropped
order by attribute.attnum

-- name: indexes
select index.relname as name, pg_get_indexdef(index.oid) as definition
from pg_index
join pg_class index on index.oid = pg_index.indexrelid
where pg_index.indrelid = %(table)s::regclass
order by not pg_index.indisprimary, index.relname

-- name: coverage
-- Per tenant and namespace: what serving can rank from. What is distinct is found by jumping through an index from one value to the
-- next: the cost is one step an item and a day, however many rows there are (8 us a step; counting 40 million rows takes 6 s).
with recursive tags as (
    select tenant_id, namespace, count(*) filter (where deleted_at is null) as items from item_tags group by tenant_id, namespace
), popular_item as (
    (select tenant_id, namespace, item_id from item_popularity_daily order by tenant_id, namespace, item_id limit 1)
    union all
    select next.* from popular_item as here cross join lateral (
        select tenant_id, namespace, item_id from item_popularity_daily as signal
        where (signal.tenant_id, signal.namespace, signal.item_id) > (here.tenant_id, here.namespace, here.item_id)
        order by tenant_id, namespace, item_id limit 1) as next
), popular_day as (
    (select tenant_id, namespace, day from item_popularity_daily order by tenant_id, namespace, day limit 1)
    union all
    select next.* from popular_day as here cross join lateral (
        select tenant_id, namespace, day from item_popularity_daily as signal
        where (signal.tenant_id, signal.namespace, signal.day) > (here.tenant_id, here.namespace, here.day)
        order by tenant_id, namespace, day limit 1) as next
), covisited_item as (
    (select tenant_id, namespace, item_id from item_covisit_daily order by tenant_id, namespace, item_id limit 1)
    union all
    select next.* from covisited_item as here cross join lateral (
        select tenant_id, namespace, item_id from item_covisit_daily as signal
        where (signal.tenant_id, signal.namespace, signal.item_id) > (here.tenant_id, here.namespace, here.item_id)
        order by tenant_id, namespace, item_id limit 1) as next
), covisited_day as (
    (select tenant_id, namespace, day from item_covisit_daily order by tenant_id, namespace, day limit 1)
    union all
    select next.* from covisited_day as here cross join lateral (
        select tenant_id, namespace, day from item_covisit_daily as signal
        where (signal.tenant_id, signal.namespace, signal.day) > (here.tenant_id, here.namespace, here.day)
        order by tenant_id, namespace, day limit 1) as next
), popularity as (
    select tenant_id, namespace, count(*) as popular_items from popular_item group by tenant_id, namespace
), popularity_time as (
    select tenant_id, namespace, count(*) as popularity_days, max(day) as newest_popularity from popular_day group by tenant_id, namespace
), covisitation as (
    select tenant_id, namespace, count(*) as covisited_items from covisited_item group by tenant_id, namespace
), covisitation_time as (
    select tenant_id, namespace, count(*) as covisit_days, max(day) as newest_covisit from covisited_day group by tenant_id, namespace
), named as (
    select tenant_id, namespace from tags union select tenant_id, namespace from popularity union select tenant_id, namespace from covisitation
)
select tenants.external_id as tenant, tenants.status, named.namespace, coalesce(items, 0) as items,
    coalesce(popular_items, 0) as popular_items, coalesce(popularity_days, 0) as popularity_days, newest_popularity,
    coalesce(covisited_items, 0) as covisited_items, coalesce(covisit_days, 0) as covisit_days, newest_covisit
from tenants
left join named on named.tenant_id = tenants.id
left join tags using (tenant_id, namespace)
left join popularity using (tenant_id, namespace)
left join popularity_time using (tenant_id, namespace)
left join covisitation using (tenant_id, namespace)
left join covisitation_time using (tenant_id, namespace)
order by tenants.external_id, named.namespace

-- name: last_change
-- When a signal was last changed, as far back as the change log is kept.
select max(created_at) from signal_changes where signal = %s
