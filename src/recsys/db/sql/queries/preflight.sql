-- name: server
select current_setting('server_version_num')::int / 10000 as major, current_setting('server_version') as version,
    current_database() as database, current_user as acting_as, session_user as login

-- name: privileges
select has_database_privilege(current_user, current_database(), 'temporary') as may_make_temporary_tables,
    has_schema_privilege(current_user, 'public', 'create') as may_create

-- name: open_transactions
-- What would hold up a migration, the oldest first: transactions that are open for long, and whoever holds one of our tables. How long
-- other people's are open is shown to pg_read_all_stats only; their locks are shown to everybody.
select pid, coalesce(usename, '?') as login, coalesce(application_name, '') as program, coalesce(state, 'of unknown age') as state,
    extract(epoch from clock_timestamp() - xact_start)::int as seconds, coalesce(locks, '{}') as locks
from pg_stat_activity
left join (
    select pid, array_agg(distinct relname || ' (' || mode || ')') as locks
    from pg_locks join pg_class on pg_class.oid = relation
    where relnamespace = 'public'::regnamespace and granted and relkind in ('r', 'p')
        and database = (select oid from pg_database where datname = current_database())
    group by pid
) as held using (pid)
where datname = current_database() and pid <> pg_backend_pid()
    and coalesce(xact_start < clock_timestamp() - make_interval(secs => %s), locks is not null)
order by xact_start

-- name: sizes
select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'm')
