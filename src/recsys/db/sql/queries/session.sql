-- name: prepare
-- client_connection_check_interval: when this program is killed its backend ends within a second, and its locks with it.
select set_config('client_connection_check_interval', '1s', false), set_config('timezone', 'UTC', false),
    set_config('datestyle', 'ISO, YMD', false), set_config('search_path', 'public', false), set_config('role', %s, false)

-- name: backend_pid
select pg_backend_pid()

-- name: limit
select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)
