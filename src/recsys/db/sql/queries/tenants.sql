-- name: create
insert into tenants (external_id, name) values (%(external_id)s, %(name)s)
on conflict on constraint tenants_external_id_key do nothing
returning id, external_id, name, status, created_at, updated_at

-- name: find
select id, external_id, name, status, created_at, updated_at
from tenants
where id = %(id)s or external_id = %(external_id)s
order by id = %(id)s desc nulls last
limit 1

-- name: list
select id, external_id, name, status, created_at, updated_at
from tenants
order by external_id collate "C"

-- name: update
update tenants
set name = coalesce(%(name)s, name), status = coalesce(%(status)s, status)
where id = %(id)s
returning id, external_id, name, status, created_at, updated_at

-- name: lock
select id, external_id, name, status, created_at, updated_at
from tenants
where id = %(id)s
for update

-- name: view
select
    tenants.id, tenants.external_id, tenants.name, tenants.status, tenants.created_at, tenants.updated_at,
    config.etag as config_etag, convert_to(config.config::text, 'UTF8') as config,
    rules.etag as rules_etag, convert_to(rules.rules::text, 'UTF8') as rules
from tenants
left join tenant_configs_current as config_pointer on config_pointer.tenant_id = tenants.id
left join tenant_config_versions as config
    on config.tenant_id = config_pointer.tenant_id and config.id = config_pointer.config_version_id
left join tenant_rules_current as rules_pointer on rules_pointer.tenant_id = tenants.id
left join tenant_rule_versions as rules
    on rules.tenant_id = rules_pointer.tenant_id and rules.id = rules_pointer.rules_version_id
where tenants.id = %(id)s or tenants.external_id = %(external_id)s
order by tenants.id = %(id)s desc nulls last
limit 1

-- name: remove
select recsys_remove_tenant(%(id)s, %(batch)s)

-- name: removed
-- The removal of the tenant with this id or this external id, of which only the hash is left.
select rows_removed, finished_at is not null
from tenant_removals
where tenant_id = %(id)s or external_id_hash = encode(sha256(convert_to(%(external_id)s::text, 'UTF8')), 'hex')
order by started_at desc limit 1
