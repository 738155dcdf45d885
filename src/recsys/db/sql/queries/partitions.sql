-- name: ensure
select recsys_ensure_partitions(%(parent)s, %(at)s)

-- name: ensure_runway
select recsys_ensure_runway()
