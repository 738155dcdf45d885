-- name: create
insert into tenant_api_keys (id, tenant_id, name, key_prefix, key_hash, roles, expires_at)
values (%(id)s, %(tenant_id)s, %(name)s, %(key_prefix)s, %(key_hash)s, %(roles)s, %(expires_at)s)
returning id, tenant_id, name, key_prefix, roles, created_at, expires_at, revoked_at, last_used_at

-- name: list
select id, tenant_id, name, key_prefix, roles, created_at, expires_at, revoked_at, last_used_at
from tenant_api_keys
where tenant_id = %(tenant_id)s
order by created_at desc, id desc

-- name: find
-- By id, or by the public part that everybody who holds the key can read.
select id, tenant_id, name, key_prefix, roles, created_at, expires_at, revoked_at, last_used_at
from tenant_api_keys
where tenant_id = %(tenant_id)s and (id::text = %(name)s or key_prefix = %(name)s)
order by id
for update

-- name: revoke
update tenant_api_keys
set revoked_at = now()
where tenant_id = %(tenant_id)s and id = %(id)s
returning id, tenant_id, name, key_prefix, roles, created_at, expires_at, revoked_at, last_used_at

-- name: known
select key_hash, id, tenant_id, roles, expires_at, revoked_at
from tenant_api_keys
where key_hash = any(%(hashes)s)

-- name: used
-- Rows that somebody else has locked are left for the next time: nothing waits for this.
update tenant_api_keys as key
set last_used_at = used.at
from unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) as used (id, at)
where key.id in (
    select id from tenant_api_keys where id = any(%(ids)s::uuid[]) order by id for no key update skip locked
)
and key.id = used.id and (key.last_used_at is null or key.last_used_at < used.at)
