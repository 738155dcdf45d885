-- name: server
select current_setting('server_version_num')::int / 10000 as major, current_setting('server_version') as version,
    current_database() as database, current_user as acting_as, session_user as login

-- name: privileges
select has_database_privilege(current_user, current_database(), 'temporary') as may_make_temporary_tables,
    has_schema_privilege(current_user, 'public', 'create') as may_create

-- name: long_transactions
-- What would hold up a migration: open transactions that hold a lock on one of our tables, the oldest first.
select pid, coalesce(usename, '?') as login, coalesce(application_name, '') as program, state,
    extract(epoch from clock_timestamp() - xact_start)::int as seconds,
    array(
        select distinct relname || ' (' || mode || ')'
        from pg_locks join pg_class on pg_class.oid = relation
        where pg_locks.pid = activity.pid and relnamespace = 'public'::regnamespace and granted and relkind in ('r', 'p')
    ) as locks
from pg_stat_activity as activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start < clock_timestamp() - make_interval(secs => %s)
order by xact_start

-- name: sizes
select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'm')
