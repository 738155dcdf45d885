-- transaction: yes

create table tenants (
    id uuid not null default gen_random_uuid(),
    external_id text not null,
    name text not null,
    status text not null default 'active',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint tenants_pkey primary key (id),
    constraint tenants_external_id_key unique (external_id),
    constraint tenants_external_id_length check (char_length(external_id) between 1 and 128),
    constraint tenants_external_id_shape check (external_id !~ '[/\\[:cntrl:]]' and external_id not in ('.', '..')),
    constraint tenants_name_length check (char_length(name) between 1 and 256),
    constraint tenants_status_known check (status in ('active', 'suspended', 'deleted'))
);
comment on table tenants is 'Organisations that are kept apart from each other. A handful to some thousands of rows';
comment on column tenants.id is 'The tenant in every other table';
comment on column tenants.external_id is 'What a token, an API key or X-Org-Id names';
comment on column tenants.name is 'For people';
comment on column tenants.status is 'active; suspended (403) and deleted (404) stop serving at once and can be taken back';
comment on column tenants.created_at is 'When it was created';
comment on column tenants.updated_at is 'When the row last changed';

create trigger touch before update on tenants for each row execute function recsys_touch();

create table tenant_api_keys (
    id uuid not null default gen_random_uuid(),
    tenant_id uuid not null,
    name text not null,
    key_prefix text not null,
    key_hash bytea not null,
    roles text[] not null default '{serve}',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    constraint tenant_api_keys_pkey primary key (id),
    constraint tenant_api_keys_key_hash_key unique (key_hash),
    constraint tenant_api_keys_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint tenant_api_keys_key_hash_length check (octet_length(key_hash) = 32),
    constraint tenant_api_keys_roles_known check (roles <@ '{serve,ingest,viewer,operator,admin}'::text[] and cardinality(roles) > 0)
);
create index tenant_api_keys_tenant_id_idx on tenant_api_keys (tenant_id);
comment on table tenant_api_keys is 'API keys; only their hashes are stored. Some rows per tenant';
comment on column tenant_api_keys.id is 'Names the key in the admin API and in the audit log';
comment on column tenant_api_keys.tenant_id is 'Tenant that the key speaks for';
comment on column tenant_api_keys.name is 'For people';
comment on column tenant_api_keys.key_prefix is 'Public part of the key, rk_<prefix>_..., to recognise it';
comment on column tenant_api_keys.key_hash is 'SHA-256 of the whole key';
comment on column tenant_api_keys.roles is 'What the key may do: serve, ingest, viewer, operator, admin';
comment on column tenant_api_keys.created_at is 'When it was created';
comment on column tenant_api_keys.expires_at is 'From when on it is refused; NULL never';
comment on column tenant_api_keys.revoked_at is 'When it was revoked; NULL while it is valid';
comment on column tenant_api_keys.last_used_at is 'When it was last seen, to some minutes';

create trigger log_change after insert or update or delete on tenants
    for each row execute function recsys_log_changed_tenant('tenant', 'id');
-- last_used_at is written often and changes nothing.
create trigger log_change after insert or delete or update of tenant_id, key_hash, roles, expires_at, revoked_at on tenant_api_keys
    for each row execute function recsys_log_changed_tenant('keys', 'tenant_id');
create trigger log_truncate after truncate on tenants
    for each statement execute function recsys_log_changed_tenant('tenant', 'id');
create trigger log_truncate after truncate on tenant_api_keys
    for each statement execute function recsys_log_changed_tenant('keys', 'tenant_id');

select recsys_isolate('tenants', 'id', :'owner', :'service', :'system');
select recsys_isolate('tenant_api_keys', 'tenant_id', :'owner', :'service', :'system');
grant select on tenants to :"service";
grant select, insert, update on tenants to :"system";
grant select, insert, update on tenant_api_keys to :"service", :"system";
