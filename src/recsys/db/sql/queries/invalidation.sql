-- name: request
insert into cache_invalidation_events (id, tenant_id, targets, surface, requested_by_sub, request_id)
values (%(id)s, %(tenant_id)s, %(targets)s, %(surface)s, %(actor)s, %(request_id)s)

-- name: change
insert into signal_changes (tenant_id, namespace, signal) values (%(tenant_id)s, %(namespace)s, %(signal)s)

-- name: applied
update cache_invalidation_events set status = 'applied', applied_at = clock_timestamp() where id = %(id)s
