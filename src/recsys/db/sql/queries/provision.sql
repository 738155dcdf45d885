-- name: lock
select pg_advisory_xact_lock(hashtext('recsys.provision'))

-- name: existing_roles
select rolname from pg_roles where rolname = any(%s)

-- name: database_owner
select pg_get_userbyid(datdba) from pg_database where datname = %s
