-- name: lock
select pg_advisory_xact_lock(hashtext('recsys.provision'))

-- name: existing_roles
select rolname from pg_roles where rolname = any(%s)

-- name: database_exists
select exists (select from pg_database where datname = %s)
