-- name: try_lock
select pg_try_advisory_lock(hashtext('recsys.migrate'))

-- name: unlock
select pg_advisory_unlock(hashtext('recsys.migrate'))

-- name: has_bookkeeping
select to_regclass('public.schema_migrations') is not null

-- name: recorded
select version, name, checksum, started_at, applied_at, duration from schema_migrations order by version

-- name: record
insert into schema_migrations (version, name, checksum, started_at, applied_at, duration)
values (%(version)s, %(name)s, %(checksum)s, transaction_timestamp(), clock_timestamp(), clock_timestamp() - transaction_timestamp())

-- name: record_start
insert into schema_migrations (version, name, checksum) values (%(version)s, %(name)s, %(checksum)s)
on conflict (version) do update set checksum = excluded.checksum, started_at = now()

-- name: record_end
update schema_migrations set applied_at = clock_timestamp(), duration = clock_timestamp() - started_at where version = %(version)s

-- name: forget
delete from schema_migrations where version = %(version)s

-- name: partitions
select partition_name from recsys_partitions(%s) where not detaching

-- name: newest
select max(version) from schema_migrations where applied_at is not null
