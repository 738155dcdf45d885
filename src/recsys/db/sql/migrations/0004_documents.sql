-- transaction: yes
-- locks: tenants (share row exclusive)

create table tenant_config_versions (
    id uuid not null default gen_random_uuid(),
    tenant_id uuid not null,
    config jsonb not null,
    etag text not null generated always as (recsys_etag(config)) stored,
    created_at timestamptz not null default now(),
    created_by_sub text,
    comment text,
    constraint tenant_config_versions_pkey primary key (id),
    constraint tenant_config_versions_tenant_id_id_key unique (tenant_id, id),
    constraint tenant_config_versions_tenant_id_etag_key unique (tenant_id, etag),
    constraint tenant_config_versions_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint tenant_config_versions_config_is_object check (jsonb_typeof(config) = 'object')
);
comment on table tenant_config_versions is 'Every config document a tenant ever had. Append-only; a row per published version';
comment on column tenant_config_versions.id is 'The version';
comment on column tenant_config_versions.tenant_id is 'Whose config it is';
comment on column tenant_config_versions.config is 'The document';
comment on column tenant_config_versions.etag is 'Hex SHA-256 of the document; one tenant has each document once';
comment on column tenant_config_versions.created_at is 'When it was first published';
comment on column tenant_config_versions.created_by_sub is 'Subject of the token or key that published it';
comment on column tenant_config_versions.comment is 'Why, in the words of whoever published it';

create table tenant_configs_current (
    tenant_id uuid not null,
    config_version_id uuid not null,
    updated_at timestamptz not null default now(),
    updated_by_sub text,
    constraint tenant_configs_current_pkey primary key (tenant_id),
    constraint tenant_configs_current_version_fkey foreign key (tenant_id, config_version_id)
        references tenant_config_versions (tenant_id, id)
);
comment on table tenant_configs_current is 'Which config is live: at most one row per tenant';
comment on column tenant_configs_current.tenant_id is 'Whose config it is';
comment on column tenant_configs_current.config_version_id is 'The version that is live';
comment on column tenant_configs_current.updated_at is 'When the pointer was moved';
comment on column tenant_configs_current.updated_by_sub is 'Subject of the token or key that moved it';

create table tenant_rule_versions (
    id uuid not null default gen_random_uuid(),
    tenant_id uuid not null,
    rules jsonb not null,
    etag text not null generated always as (recsys_etag(rules)) stored,
    created_at timestamptz not null default now(),
    created_by_sub text,
    comment text,
    constraint tenant_rule_versions_pkey primary key (id),
    constraint tenant_rule_versions_tenant_id_id_key unique (tenant_id, id),
    constraint tenant_rule_versions_tenant_id_etag_key unique (tenant_id, etag),
    constraint tenant_rule_versions_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint tenant_rule_versions_rules_is_list check (jsonb_typeof(rules) in ('array', 'object'))
);
comment on table tenant_rule_versions is 'Every rules document a tenant ever had. Append-only; a row per published version';
comment on column tenant_rule_versions.id is 'The version';
comment on column tenant_rule_versions.tenant_id is 'Whose rules they are';
comment on column tenant_rule_versions.rules is 'The document: an array of rules, or an object with the key rules';
comment on column tenant_rule_versions.etag is 'Hex SHA-256 of the document; one tenant has each document once';
comment on column tenant_rule_versions.created_at is 'When it was first published';
comment on column tenant_rule_versions.created_by_sub is 'Subject of the token or key that published it';
comment on column tenant_rule_versions.comment is 'Why, in the words of whoever published it';

create table tenant_rules_current (
    tenant_id uuid not null,
    rules_version_id uuid not null,
    updated_at timestamptz not null default now(),
    updated_by_sub text,
    constraint tenant_rules_current_pkey primary key (tenant_id),
    constraint tenant_rules_current_version_fkey foreign key (tenant_id, rules_version_id)
        references tenant_rule_versions (tenant_id, id)
);
comment on table tenant_rules_current is 'Which rules are live: at most one row per tenant';
comment on column tenant_rules_current.tenant_id is 'Whose rules they are';
comment on column tenant_rules_current.rules_version_id is 'The version that is live';
comment on column tenant_rules_current.updated_at is 'When the pointer was moved';
comment on column tenant_rules_current.updated_by_sub is 'Subject of the token or key that moved it';

create trigger append_only before update or delete on tenant_config_versions for each row execute function recsys_refuse_change();
create trigger append_only_truncate before truncate on tenant_config_versions for each statement execute function recsys_refuse_change();
create trigger append_only before update or delete on tenant_rule_versions for each row execute function recsys_refuse_change();
create trigger append_only_truncate before truncate on tenant_rule_versions for each statement execute function recsys_refuse_change();

create trigger log_change after insert or update or delete on tenant_configs_current
    for each row execute function recsys_log_changed_tenant('config', 'tenant_id');
create trigger log_change after insert or update or delete on tenant_rules_current
    for each row execute function recsys_log_changed_tenant('rules', 'tenant_id');
create trigger log_truncate after truncate on tenant_configs_current
    for each statement execute function recsys_log_changed_tenant('config', 'tenant_id');
create trigger log_truncate after truncate on tenant_rules_current
    for each statement execute function recsys_log_changed_tenant('rules', 'tenant_id');

select recsys_isolate('tenant_config_versions', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('tenant_configs_current', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('tenant_rule_versions', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('tenant_rules_current', 'tenant_id', :'owner', :'service', :'system');
grant select, insert on tenant_config_versions, tenant_rule_versions to :"service", :"system";
grant select, insert, update on tenant_configs_current, tenant_rules_current to :"service", :"system";
