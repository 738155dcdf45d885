-- name: lock
-- Publishing one tenant's documents is serial: the pointer row can not be locked before there is one.
select pg_advisory_xact_lock(hashtextextended('recsys publish ' || %(tenant_id)s::text, 0))

-- name: config_current
select version.id, version.etag, version.config as document, version.created_at, version.created_by_sub, version.comment, true as current
from tenant_configs_current as pointer
join tenant_config_versions as version
    on version.tenant_id = pointer.tenant_id and version.id = pointer.config_version_id
where pointer.tenant_id = %(tenant_id)s

-- name: config_by_etag
select
    version.id, version.etag, version.config as document, version.created_at, version.created_by_sub, version.comment,
    pointer.tenant_id is not null as current
from tenant_config_versions as version
left join tenant_configs_current as pointer
    on pointer.tenant_id = version.tenant_id and pointer.config_version_id = version.id
where version.tenant_id = %(tenant_id)s and version.etag = %(etag)s

-- name: config_etags
select etag from tenant_config_versions where tenant_id = %(tenant_id)s and starts_with(etag, %(prefix)s) limit 2

-- name: config_list
select
    version.id, version.etag, null as document, version.created_at, version.created_by_sub, version.comment,
    pointer.tenant_id is not null as current
from tenant_config_versions as version
left join tenant_configs_current as pointer
    on pointer.tenant_id = version.tenant_id and pointer.config_version_id = version.id
where version.tenant_id = %(tenant_id)s
order by version.created_at desc, version.id desc
limit %(limit)s

-- name: config_append
insert into tenant_config_versions (id, tenant_id, config, created_at, created_by_sub, comment)
values (%(id)s, %(tenant_id)s, %(document)s::jsonb, clock_timestamp(), %(actor)s, %(comment)s)
on conflict on constraint tenant_config_versions_tenant_id_etag_key do nothing

-- name: config_point
insert into tenant_configs_current (tenant_id, config_version_id, updated_at, updated_by_sub)
values (%(tenant_id)s, %(version_id)s, clock_timestamp(), %(actor)s)
on conflict on constraint tenant_configs_current_pkey do update
set config_version_id = excluded.config_version_id, updated_at = excluded.updated_at, updated_by_sub = excluded.updated_by_sub

-- name: rules_current
select version.id, version.etag, version.rules as document, version.created_at, version.created_by_sub, version.comment, true as current
from tenant_rules_current as pointer
join tenant_rule_versions as version
    on version.tenant_id = pointer.tenant_id and version.id = pointer.rules_version_id
where pointer.tenant_id = %(tenant_id)s

-- name: rules_by_etag
select
    version.id, version.etag, version.rules as document, version.created_at, version.created_by_sub, version.comment,
    pointer.tenant_id is not null as current
from tenant_rule_versions as version
left join tenant_rules_current as pointer
    on pointer.tenant_id = version.tenant_id and pointer.rules_version_id = version.id
where version.tenant_id = %(tenant_id)s and version.etag = %(etag)s

-- name: rules_etags
select etag from tenant_rule_versions where tenant_id = %(tenant_id)s and starts_with(etag, %(prefix)s) limit 2

-- name: rules_list
select
    version.id, version.etag, null as document, version.created_at, version.created_by_sub, version.comment,
    pointer.tenant_id is not null as current
from tenant_rule_versions as version
left join tenant_rules_current as pointer
    on pointer.tenant_id = version.tenant_id and pointer.rules_version_id = version.id
where version.tenant_id = %(tenant_id)s
order by version.created_at desc, version.id desc
limit %(limit)s

-- name: rules_append
insert into tenant_rule_versions (id, tenant_id, rules, created_at, created_by_sub, comment)
values (%(id)s, %(tenant_id)s, %(document)s::jsonb, clock_timestamp(), %(actor)s, %(comment)s)
on conflict on constraint tenant_rule_versions_tenant_id_etag_key do nothing

-- name: rules_point
insert into tenant_rules_current (tenant_id, rules_version_id, updated_at, updated_by_sub)
values (%(tenant_id)s, %(version_id)s, clock_timestamp(), %(actor)s)
on conflict on constraint tenant_rules_current_pkey do update
set rules_version_id = excluded.rules_version_id, updated_at = excluded.updated_at, updated_by_sub = excluded.updated_by_sub

-- name: etag
select recsys_etag(%(document)s::jsonb)
