-- name: prepare
-- client_connection_check_interval: when this program is killed its backend ends within a second, and its locks with it.
select set_config('client_connection_check_interval', '1s', false), set_config('timezone', 'UTC', false),
    set_config('datestyle', 'ISO, YMD', false), set_config('search_path', 'public', false), set_config('role', %s, false)

-- name: backend_pid
select pg_backend_pid()

-- name: limit
select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)

-- name: may_act_as
-- The first of these roles that the login may take.
select rolname from unnest(%s::text[]) with ordinality as wanted (rolname, place)
join pg_roles using (rolname)
where pg_has_role(session_user, pg_roles.oid, 'MEMBER')
order by place limit 1
