-- name: try_lock
select pg_try_advisory_lock(hashtext('recsys.retirement'))

-- name: choose
insert into partition_retirements (parent_table, partition_name, lower_bound, upper_bound)
values (%(parent)s, %(partition)s, %(lower)s, %(upper)s)
on conflict do nothing

-- name: pending_detaches
-- Detaches that were interrupted, whoever began them: until they are finished no other partition of the table can go.
select parent.relname, child.relname
from pg_inherits
join pg_class as child on child.oid = inhrelid
join pg_class as parent on parent.oid = inhparent
where inhdetachpending and parent.relname in (select parent_table from partition_policies)
    and parent.relnamespace = 'public'::regnamespace

-- name: unfinished
select id, parent_table, partition_name, lower_bound, upper_bound, state, archive_file,
    exists (
        select from pg_inherits where inhrelid = to_regclass(quote_ident(partition_name)) and inhparent = to_regclass(quote_ident(parent_table))
    ) as attached,
    exists (select from pg_inherits where inhrelid = to_regclass(quote_ident(partition_name)) and inhdetachpending) as detaching,
    to_regclass(quote_ident(partition_name)) is not null as exists
from partition_retirements
where state <> 'dropped'
order by upper_bound, parent_table

-- name: waiting
select parent_table, partition_name, state, last_error
from partition_retirements
where state <> 'dropped'
order by upper_bound, parent_table

-- name: step
update partition_retirements
set state = %(state)s, archive_file = coalesce(%(archive_file)s, archive_file), row_count = coalesce(%(row_count)s, row_count),
    last_error = null, updated_at = now()
where id = %(id)s

-- name: stumble
update partition_retirements set last_error = %(error)s, updated_at = now() where id = %(id)s

-- name: give_up
delete from partition_retirements where id = %s

-- name: audit
insert into audit_log (actor_type, actor_sub, action, entity_type, entity_id, extra)
select 'system', session_user, 'partition.drop', 'partition', partition_name,
    jsonb_build_object('table', parent_table, 'from', lower_bound, 'to', upper_bound, 'rows', row_count, 'archive', archive_file)
from partition_retirements where id = %s
