-- name: ensure
select recsys_ensure_partitions(%(parent)s, %(at)s)

-- name: ensure_runway
select recsys_ensure_runway()

-- name: limit
select set_config('lock_timeout', '900ms', true)

-- name: lock
-- A plan is made from what is there, so nobody else may change that before it is carried out.
select pg_advisory_xact_lock(hashtext('recsys.partitions'))

-- name: policies
select parent_table, interval, ahead, retain_days, accept_days from partition_policies order by parent_table

-- name: report
-- A bound that an operator left open is cut to what a date can hold.
select partition_name, greatest(lower_bound, '0001-01-02 00:00Z') as lower, least(upper_bound, '9999-12-30 00:00Z') as upper,
    detaching, is_empty as empty, row_estimate as rows, total_bytes as bytes
from recsys_partition_report(%s)

-- name: drop_future
select recsys_drop_future_partition(%(parent)s, %(partition)s)
