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
-- The column of each table that tells when a row was last written, the first of the list that it has.
select relation.relname as name, (
    select attribute.attname from pg_attribute attribute
    where attribute.attrelid = relation.oid and not attribute.attisdropped
        and attribute.attname = any(array['received_at', 'updated_at', 'applied_at', 'created_at', 'occurred_at', 'requested_at', 'erased_at'])
    order by array_position(array['received_at', 'updated_at', 'applied_at', 'created_at', 'occurred_at', 'requested_at', 'erased_at'], attribute.attname::text)
    limit 1
) as written_at
from pg_class relation
where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'p') and not relation.relispartition

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
-- Per tenant and namespace: what serving can rank from.
with tags as (
    select tenant_id, namespace, count(*) filter (where deleted_at is null) as items from item_tags group by tenant_id, namespace
), popularity as (
    select tenant_id, namespace, count(distinct item_id) as popular_items, count(distinct day) as popularity_days, max(day) as newest_popularity
    from item_popularity_daily group by tenant_id, namespace
), covisitation as (
    select tenant_id, namespace, count(*) as covisit_rows, count(distinct day) as covisit_days, max(day) as newest_covisit
    from item_covisit_daily group by tenant_id, namespace
), named as (
    select tenant_id, namespace from tags union select tenant_id, namespace from popularity union select tenant_id, namespace from covisitation
)
select tenants.external_id as tenant, tenants.status, named.namespace, coalesce(items, 0) as items, coalesce(popular_items, 0) as popular_items,
    coalesce(popularity_days, 0) as popularity_days, newest_popularity, coalesce(covisit_rows, 0) as covisit_rows,
    coalesce(covisit_days, 0) as covisit_days, newest_covisit
from tenants
left join named on named.tenant_id = tenants.id
left join tags using (tenant_id, namespace)
left join popularity using (tenant_id, namespace)
left join covisitation using (tenant_id, namespace)
order by tenants.external_id, named.namespace
