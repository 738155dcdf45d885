-- name: order
-- Held until the transaction ends, so that a tenant's entries become visible in the order of their times: no entry can
-- appear behind one that a reader has paged past.
select pg_advisory_xact_lock(hashtextextended('recsys audit ' || coalesce(%(tenant_id)s::text, ''), 0))

-- name: record
insert into audit_log (
    id, occurred_at, tenant_id, actor_sub, actor_type, action, entity_type, entity_id,
    request_id, ip, user_agent, before_state, after_state, extra
)
values (
    %(id)s, clock_timestamp(), %(tenant_id)s, %(actor_sub)s, %(actor_type)s, %(action)s, %(entity_type)s, %(entity_id)s,
    %(request_id)s, %(ip)s, %(user_agent)s, %(before)s, %(after)s, %(extra)s
)

-- name: page
select
    id, occurred_at, tenant_id, actor_sub, actor_type, action, entity_type, entity_id,
    request_id, host(ip) as ip, user_agent, before_state, after_state, extra
from audit_log
where
    tenant_id = %(tenant_id)s
    and (%(before)s::timestamptz is null or (occurred_at, id) < (%(before)s, coalesce(%(before_id)s, '00000000-0000-0000-0000-000000000000'::uuid)))
order by occurred_at desc, id desc
limit %(limit)s

-- name: page_of_installation
select
    id, occurred_at, tenant_id, actor_sub, actor_type, action, entity_type, entity_id,
    request_id, host(ip) as ip, user_agent, before_state, after_state, extra
from audit_log
where
    tenant_id is null
    and (%(before)s::timestamptz is null or (occurred_at, id) < (%(before)s, coalesce(%(before_id)s, '00000000-0000-0000-0000-000000000000'::uuid)))
order by occurred_at desc, id desc
limit %(limit)s
