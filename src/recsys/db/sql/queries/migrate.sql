-- name: prepare_session
select set_config('client_connection_check_interval', '1s', false), set_config('timezone', 'UTC', false),
    set_config('search_path', 'public', false), set_config('role', %s, false)

-- name: try_lock
select pg_try_advisory_lock(hashtext('recsys.migrate'))

-- name: unlock
select pg_advisory_unlock(hashtext('recsys.migrate'))

-- name: backend_pid
select pg_backend_pid()

-- name: has_bookkeeping
select to_regclass('public.schema_migrations') is not null

-- name: applied
select version, name, checksum, started_at, applied_at, duration from schema_migrations order by version

-- name: set_lock_timeout
select set_config('lock_timeout', %s, true)

-- name: record
insert into schema_migrations (version, name, checksum, started_at, applied_at, duration)
values (%(version)s, %(name)s, %(checksum)s, transaction_timestamp(), clock_timestamp(), clock_timestamp() - transaction_timestamp())
