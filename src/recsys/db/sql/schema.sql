-- The database as all migrations together make it, to be read: a test proves that it is what they make.
--
-- Nothing runs this file; `recsys migrate up` runs the files in migrations/. What changes the schema is a new migration, and
-- the same change here. `:"owner"`, `:"service"` and `:"system"` are the three roles (see 0001_foundations.sql).

-- --- Foundations: bookkeeping, and functions that the tables below use

create table schema_migrations (
    version integer not null,
    name text not null,
    checksum text not null,
    started_at timestamptz not null default now(),
    applied_at timestamptz,
    duration interval,
    constraint schema_migrations_pkey primary key (version)
);
comment on table schema_migrations is 'One row per migration of the schema: which have run, when, and what their files held';
comment on column schema_migrations.version is 'Number that the file name starts with';
comment on column schema_migrations.name is 'The rest of the file name';
comment on column schema_migrations.checksum is 'SHA-256 of the file as it was applied, in hex';
comment on column schema_migrations.started_at is 'When it began';
comment on column schema_migrations.applied_at is 'When it was complete; NULL while it runs, or when it was interrupted';
comment on column schema_migrations.duration is 'How long it took';

create function recsys_etag(document jsonb) returns text
    language sql immutable strict parallel safe
    set search_path = pg_catalog
    -- The text of a jsonb value is the same in every session; convert_to alone is not marked immutable because of conversions made by users.
    as $$ select encode(sha256(convert_to(document::text, 'UTF8')), 'hex') $$;
comment on function recsys_etag(jsonb) is 'Hex SHA-256 of a document in the spelling that jsonb gives it';

create function recsys_touch() returns trigger
    language plpgsql
    set search_path = pg_catalog
    as $$ begin new.updated_at := now(); return new; end $$;
comment on function recsys_touch() is 'Trigger: updated_at says when the row was changed, whoever changed it';

create function recsys_refuse_change() returns trigger
    language plpgsql
    set search_path = pg_catalog
    as $$
begin
    -- Only recsys_remove_tenant() runs as the owner of the table with this mark; setting the mark alone changes nothing for anybody else.
    if tg_op = 'DELETE'
        and current_setting('recsys.removing_tenant', true) = old.tenant_id::text
        and current_user = (select pg_get_userbyid(relowner) from pg_class where oid = tg_relid)
    then
        return old;
    end if;
    raise exception '% is append-only: % is refused', tg_table_name, tg_op
        using errcode = 'restrict_violation', hint = 'Append a new row instead. A deleted tenant is removed with recsys_remove_tenant().';
end
$$;
comment on function recsys_refuse_change() is 'Trigger: rows of this table are only ever added';

create function recsys_isolate(relation regclass, tenant_column name, owner name, service name, system name) returns void
    language plpgsql
    set search_path = pg_catalog
    as $$
begin
    execute format('alter table %s enable row level security', relation);
    execute format('alter table %s force row level security', relation);
    -- Under FORCE an owner without a policy can not insert, and its updates change nothing without an error.
    execute format('create policy owner_sees_all on %s to %I using (true) with check (true)', relation, owner);
    execute format('create policy system_sees_all on %s to %I using (true) with check (true)', relation, system);
    -- The sub-select is evaluated once a statement, not once a row. No tenant set means no rows.
    execute format(
        'create policy service_sees_one_tenant on %s to %I
             using (%I = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))
             with check (%I = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))',
        relation, service, tenant_column, tenant_column
    );
end
$$;
comment on function recsys_isolate(regclass, name, name, name, name) is
    'Puts a table under row-level security: owner and system see every tenant, service the one named by app.tenant_id';

revoke execute on function recsys_etag(jsonb), recsys_touch(), recsys_refuse_change(), recsys_isolate(regclass, name, name, name, name) from public;
grant execute on function recsys_etag(jsonb) to :"service", :"system";
grant usage on schema public to :"service", :"system";
grant select on schema_migrations to :"service", :"system";

-- --- The change log: what serving must read anew. It is polled: a NOTIFY payload can abort the operator's own statement

create table signal_changes (
    id uuid not null default gen_random_uuid(),
    xid xid8 not null default pg_current_xact_id(),
    tenant_id uuid,
    namespace text,
    signal text not null,
    item_ids text[],
    created_at timestamptz not null default now(),
    constraint signal_changes_pkey primary key (id),
    constraint signal_changes_signal_known
        check (signal in ('tags', 'popularity', 'covisitation', 'config', 'rules', 'tenant', 'keys'))
);
create index signal_changes_xid_idx on signal_changes (xid);
comment on table signal_changes is 'What serving must read anew; written by triggers, polled by every host, kept for 24 hours';
comment on column signal_changes.id is 'The entry; a host skips those it has applied';
comment on column signal_changes.xid is 'Transaction that wrote it: a host reads from the oldest one that was open at its last look';
comment on column signal_changes.tenant_id is 'Whose data changed; NULL when it may be anybody''s (TRUNCATE)';
comment on column signal_changes.namespace is 'Catalogue that changed; NULL for all, and for what belongs to a tenant';
comment on column signal_changes.signal is 'tags, popularity, covisitation; config, rules, tenant, keys';
comment on column signal_changes.item_ids is 'Items that changed, up to 1,000; NULL means any';
comment on column signal_changes.created_at is 'When it was written';

create function recsys_log_changed_items() returns trigger
    language plpgsql security definer
    set search_path = public, pg_temp
    as $$
declare
    -- Items are named up to 1,000, and nobody counts them in a large statement.
    largest_counted constant bigint := 10000;
    named constant bigint := 1000;
    items text := 'select tenant_id, namespace, item_id from changed';
    rows_changed bigint;
begin
    if tg_op = 'TRUNCATE' then
        insert into signal_changes (signal) values (tg_argv[0]);
        return null;
    elsif tg_op = 'UPDATE' then
        -- What was written but is the same as before is not a change: tg_argv[1] names the columns that serving reads.
        items := format(
            'select tenant_id, namespace, item_id from (
                 (select tenant_id, namespace, item_id, %1$s from before except select tenant_id, namespace, item_id, %1$s from changed)
                 union all
                 (select tenant_id, namespace, item_id, %1$s from changed except select tenant_id, namespace, item_id, %1$s from before)
             ) as difference', tg_argv[1]);
    end if;
    select count(*) into rows_changed from changed;
    if rows_changed > largest_counted then
        execute format(
            'insert into signal_changes (tenant_id, namespace, signal)
             select distinct tenant_id, namespace, $1 from (%s) as item', items)
        using tg_argv[0];
    elsif rows_changed > 0 then
        execute format(
            'insert into signal_changes (tenant_id, namespace, signal, item_ids)
             select tenant_id, namespace, $1, case when count(*) <= $2 then array_agg(item_id) end
             from (select distinct tenant_id, namespace, item_id from (%s) as item) as items
             group by tenant_id, namespace', items)
        using tg_argv[0], named;
    end if;
    return null;
end
$$;
comment on function recsys_log_changed_items() is 'Trigger: writes to signal_changes which items of which namespace a statement changed';

create function recsys_log_changed_tenant() returns trigger
    language plpgsql security definer
    set search_path = public, pg_temp
    as $$
declare
    -- tg_argv: the signal, and the column that holds the tenant
    tenant uuid;
begin
    if tg_op <> 'TRUNCATE' then
        tenant := to_jsonb(case when tg_op = 'DELETE' then old else new end) ->> tg_argv[1];
    end if;
    insert into signal_changes (tenant_id, signal) values (tenant, tg_argv[0]);
    return null;
end
$$;
comment on function recsys_log_changed_tenant() is 'Trigger: writes to signal_changes that a tenant, one of its documents or one of its keys changed';

revoke execute on function recsys_log_changed_items(), recsys_log_changed_tenant() from public;

select recsys_isolate('signal_changes', 'tenant_id', :'owner', :'service', :'system');
grant select, insert, delete on signal_changes to :"system";

-- --- Tenants and their keys

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

-- --- Documents: versions are only ever added, pointers say which one is live

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

-- --- Signals: no foreign keys, for bulk loads would pay for them, and what is seeded by hand needs no order

create table item_tags (
    tenant_id uuid not null,
    namespace text not null,
    item_id text not null,
    tags text[] not null default '{}',
    price numeric,
    available boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint item_tags_pkey primary key (tenant_id, namespace, item_id),
    constraint item_tags_namespace_length check (char_length(namespace) between 1 and 128),
    constraint item_tags_item_id_length check (char_length(item_id) between 1 and 128),
    constraint item_tags_tags_without_null check (array_position(tags, null) is null),
    constraint item_tags_price_finite check (price >= 0 and price < 'Infinity')
);
comment on table item_tags is 'Signal: what is known of an item. A row per item that has tags, a price, or is not available';
comment on column item_tags.tenant_id is 'Whose item it is';
comment on column item_tags.namespace is 'Catalogue it belongs to';
comment on column item_tags.item_id is 'The tenant''s own id of the item';
comment on column item_tags.tags is 'Words that describe it, at most 64; brand:x and category:x are understood by rules and caps';
comment on column item_tags.price is 'Price, in the tenant''s currency';
comment on column item_tags.available is 'Whether it may be shown';
comment on column item_tags.created_at is 'Since when there is this item; new items may be lifted';
comment on column item_tags.updated_at is 'When it was last written';
comment on column item_tags.deleted_at is
    'Set, with available = false, tags and price emptied, when the item is deleted through the API: it stays away until it is put again. '
    'Means nothing once available is true';

create table item_popularity_daily (
    tenant_id uuid not null,
    namespace text not null,
    item_id text not null,
    day date not null,
    score numeric not null,
    built boolean default false,
    constraint item_popularity_daily_pkey primary key (tenant_id, namespace, item_id, day),
    constraint item_popularity_daily_namespace_length check (char_length(namespace) between 1 and 128),
    constraint item_popularity_daily_item_id_length check (char_length(item_id) between 1 and 128),
    constraint item_popularity_daily_score_finite check (score >= 0 and score < 'Infinity')
);
-- A build compares one day with what is there.
create index item_popularity_daily_day_idx on item_popularity_daily (tenant_id, namespace, day);
comment on table item_popularity_daily is 'Signal: how much an item was wanted on a day. A row per item and day with any interaction';
comment on column item_popularity_daily.tenant_id is 'Whose item it is';
comment on column item_popularity_daily.namespace is 'Catalogue it belongs to';
comment on column item_popularity_daily.item_id is 'The tenant''s own id of the item';
comment on column item_popularity_daily.day is 'Day in UTC';
comment on column item_popularity_daily.score is 'Sum of the weights of that day''s interactions; decay happens when it is read';
comment on column item_popularity_daily.built is
    'Whether it was made by a build, which then may change and remove it; false for rows that you write. NULL counts as true';

create table item_covisit_daily (
    tenant_id uuid not null,
    namespace text not null,
    item_id text not null,
    neighbor_id text not null,
    day date not null,
    score numeric not null,
    built boolean default false,
    constraint item_covisit_daily_pkey primary key (tenant_id, namespace, item_id, neighbor_id, day),
    constraint item_covisit_daily_namespace_length check (char_length(namespace) between 1 and 128),
    constraint item_covisit_daily_item_id_length check (char_length(item_id) between 1 and 128),
    constraint item_covisit_daily_neighbor_id_length check (char_length(neighbor_id) between 1 and 128),
    constraint item_covisit_daily_two_items check (neighbor_id <> item_id),
    constraint item_covisit_daily_score_finite check (score >= 0 and score < 'Infinity')
);
create index item_covisit_daily_day_idx on item_covisit_daily (tenant_id, namespace, day);
comment on table item_covisit_daily is
    'Signal: items met together. Directed: what is shown for item_id is neighbor_id, so builders write both directions. '
    'The largest of the signal tables: tens of rows per item and day';
comment on column item_covisit_daily.tenant_id is 'Whose items they are';
comment on column item_covisit_daily.namespace is 'Catalogue they belong to';
comment on column item_covisit_daily.item_id is 'Item that a visitor is at';
comment on column item_covisit_daily.neighbor_id is 'Item that was met near it';
comment on column item_covisit_daily.day is 'Day in UTC';
comment on column item_covisit_daily.score is 'How often they were met that day; the weight (LLR, cosine, ...) is made when it is read';
comment on column item_covisit_daily.built is
    'Whether it was made by a build, which then may change and remove it; false for rows that you write. NULL counts as true';

create trigger log_insert after insert on item_tags referencing new table as changed
    for each statement execute function recsys_log_changed_items('tags');
create trigger log_update after update on item_tags referencing old table as before new table as changed
    for each statement execute function recsys_log_changed_items('tags', 'tags, price, available, created_at, deleted_at');
create trigger log_delete after delete on item_tags referencing old table as changed
    for each statement execute function recsys_log_changed_items('tags');
create trigger log_truncate after truncate on item_tags
    for each statement execute function recsys_log_changed_items('tags');
create trigger log_insert after insert on item_popularity_daily referencing new table as changed
    for each statement execute function recsys_log_changed_items('popularity');
create trigger log_update after update on item_popularity_daily referencing old table as before new table as changed
    for each statement execute function recsys_log_changed_items('popularity', 'day, score');
create trigger log_delete after delete on item_popularity_daily referencing old table as changed
    for each statement execute function recsys_log_changed_items('popularity');
create trigger log_truncate after truncate on item_popularity_daily
    for each statement execute function recsys_log_changed_items('popularity');
create trigger log_insert after insert on item_covisit_daily referencing new table as changed
    for each statement execute function recsys_log_changed_items('covisitation');
create trigger log_update after update on item_covisit_daily referencing old table as before new table as changed
    for each statement execute function recsys_log_changed_items('covisitation', 'neighbor_id, day, score');
create trigger log_delete after delete on item_covisit_daily referencing old table as changed
    for each statement execute function recsys_log_changed_items('covisitation');
create trigger log_truncate after truncate on item_covisit_daily
    for each statement execute function recsys_log_changed_items('covisitation');

select recsys_isolate('item_tags', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('item_popularity_daily', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('item_covisit_daily', 'tenant_id', :'owner', :'service', :'system');
grant select, insert, update, delete on item_tags, item_popularity_daily, item_covisit_daily to :"service", :"system";

-- --- Logs: no foreign keys, no identity columns, no DEFAULT partition

create table exposure_events (
    id uuid not null,
    tenant_id uuid not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null default now(),
    request_id text not null,
    surface text not null,
    segment text,
    user_key bytea,
    session_id text,
    experiment_id text,
    experiment_variant text,
    algo_version text,
    config_etag text,
    rules_etag text,
    signals_version text,
    item_ids text[] not null,
    scores real[],
    propensities real[],
    request jsonb,
    meta jsonb,
    constraint exposure_events_pkey primary key (tenant_id, id, occurred_at),
    constraint exposure_events_scores_per_item check (cardinality(scores) = cardinality(item_ids)),
    constraint exposure_events_propensities_per_item check (cardinality(propensities) = cardinality(item_ids))
) partition by range (occurred_at);
create index exposure_events_request_id_idx on exposure_events (tenant_id, request_id);
create index exposure_events_surface_idx on exposure_events (tenant_id, surface, occurred_at desc);
-- A log arrives nearly in the order of its times: block ranges find a day for the price of nothing.
create index exposure_events_occurred_at_idx on exposure_events using brin (occurred_at);
comment on table exposure_events is 'What was shown: one row per served slate, written behind the answer. About 800 bytes a row at k = 20';
comment on column exposure_events.id is 'Identity, made with the record: a replay can not double it';
comment on column exposure_events.tenant_id is 'Whose surface it was';
comment on column exposure_events.occurred_at is 'When the slate was made';
comment on column exposure_events.received_at is 'When the record reached the database';
comment on column exposure_events.request_id is 'X-Request-Id; with the surface it names the exposure';
comment on column exposure_events.surface is 'Place that showed it';
comment on column exposure_events.segment is 'Audience label of the request';
comment on column exposure_events.user_key is 'Keyed hash of the user id or the anonymous id; NULL for nobody known';
comment on column exposure_events.session_id is 'The caller''s session id';
comment on column exposure_events.experiment_id is 'Experiment that the caller named';
comment on column exposure_events.experiment_variant is 'Variant that the caller assigned';
comment on column exposure_events.algo_version is 'Version of the ranking code';
comment on column exposure_events.config_etag is 'Config that was live; NULL for the defaults';
comment on column exposure_events.rules_etag is 'Rules that were live; NULL for none';
comment on column exposure_events.signals_version is 'Snapshot that was read';
comment on column exposure_events.item_ids is 'The items in order of rank';
comment on column exposure_events.scores is 'Their scores after rules';
comment on column exposure_events.propensities is 'How likely each was to be shown at its rank, where that was random';
comment on column exposure_events.request is 'The request without its user, where sampled or asked for';
comment on column exposure_events.meta is 'Counts, warnings and timings';

create table interaction_events (
    event_id text not null,
    tenant_id uuid not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null default now(),
    seq bigint not null default 0,
    request_id text,
    user_key bytea,
    session_id text,
    surface text,
    segment text,
    event_type text not null,
    item_id text not null,
    -- a rank, at most 200
    position integer,
    value double precision,
    meta jsonb,
    constraint interaction_events_pkey primary key (tenant_id, event_id, occurred_at),
    constraint interaction_events_value_finite check (value > '-Infinity' and value < 'Infinity')
) partition by range (occurred_at);
create index interaction_events_user_key_idx on interaction_events (tenant_id, user_key, occurred_at desc, seq desc);
create index interaction_events_session_id_idx on interaction_events (tenant_id, session_id, occurred_at desc);
create index interaction_events_occurred_at_idx on interaction_events using brin (occurred_at);
comment on table interaction_events is 'What visitors did: one row per event. The largest table; 200 to 300 bytes a row';
comment on column interaction_events.event_id is 'Identity, given by the client or made at ingest: a retry can not double it';
comment on column interaction_events.tenant_id is 'Whose visitor it was';
comment on column interaction_events.occurred_at is 'When it happened';
comment on column interaction_events.received_at is 'When it was accepted';
comment on column interaction_events.seq is 'Order of arrival among equal times, given by the writer';
comment on column interaction_events.request_id is 'Request whose exposure it answers';
comment on column interaction_events.user_key is 'Keyed hash of the user id or the anonymous id; NULL for nobody known';
comment on column interaction_events.session_id is 'The caller''s session id';
comment on column interaction_events.surface is 'Place where it happened';
comment on column interaction_events.segment is 'Audience label';
comment on column interaction_events.event_type is 'view, click, add_to_cart, purchase, impression, or the tenant''s own';
comment on column interaction_events.item_id is 'The tenant''s own id of the item';
comment on column interaction_events.position is 'Rank at which it was shown, counted from 1';
comment on column interaction_events.value is 'Amount: a price, a rating, seconds';
comment on column interaction_events.meta is 'Anything else the tenant sent, at most 4 KiB';

create table audit_log (
    id uuid not null default gen_random_uuid(),
    occurred_at timestamptz not null default now(),
    tenant_id uuid,
    actor_sub text,
    actor_type text not null,
    action text not null,
    entity_type text,
    entity_id text,
    request_id text,
    ip inet,
    user_agent text,
    before_state jsonb,
    after_state jsonb,
    extra jsonb,
    constraint audit_log_pkey primary key (id, occurred_at)
) partition by range (occurred_at);
create index audit_log_tenant_id_idx on audit_log (tenant_id, occurred_at desc, id desc);
comment on table audit_log is 'Who changed what. Append-only; a row per change through API or command line, kept for good';
comment on column audit_log.id is 'The entry';
comment on column audit_log.occurred_at is 'When it happened';
comment on column audit_log.tenant_id is 'Whom it concerns; NULL for the installation itself';
comment on column audit_log.actor_sub is 'Subject of the token or key, or the name of the database user';
comment on column audit_log.actor_type is 'user, api_key, cli, system';
comment on column audit_log.action is 'What was done, such as config.publish';
comment on column audit_log.entity_type is 'What it was done to';
comment on column audit_log.entity_id is 'Which one';
comment on column audit_log.request_id is 'X-Request-Id of the call';
comment on column audit_log.ip is 'Address it came from';
comment on column audit_log.user_agent is 'Program it came from';
comment on column audit_log.before_state is 'The entity before';
comment on column audit_log.after_state is 'The entity after';
comment on column audit_log.extra is 'Anything else worth keeping';

create trigger append_only before update or delete on audit_log for each row execute function recsys_refuse_change();
create trigger append_only_truncate before truncate on audit_log for each statement execute function recsys_refuse_change();

select recsys_isolate('exposure_events', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('interaction_events', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('audit_log', 'tenant_id', :'owner', :'service', :'system');
grant select, insert on exposure_events, interaction_events to :"service";
grant select, insert, delete on exposure_events, interaction_events to :"system";
grant select, insert on audit_log to :"service", :"system";

-- --- Machinery

create table cache_invalidation_events (
    id uuid not null default gen_random_uuid(),
    tenant_id uuid not null,
    targets text[] not null,
    surface text,
    status text not null default 'requested',
    requested_at timestamptz not null default now(),
    requested_by_sub text,
    request_id text,
    applied_at timestamptz,
    detail text,
    constraint cache_invalidation_events_pkey primary key (id),
    constraint cache_invalidation_events_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint cache_invalidation_events_status_known check (status in ('requested', 'applied', 'failed'))
);
create index cache_invalidation_events_tenant_id_idx on cache_invalidation_events (tenant_id, requested_at desc);
comment on table cache_invalidation_events is 'Who asked for which refresh, and whether it was applied. A row per call';
comment on column cache_invalidation_events.id is 'The call';
comment on column cache_invalidation_events.tenant_id is 'Whose caches';
comment on column cache_invalidation_events.targets is 'What to read anew: config, rules, popularity, ...';
comment on column cache_invalidation_events.surface is 'Only for this surface; NULL for all';
comment on column cache_invalidation_events.status is 'requested, applied, failed';
comment on column cache_invalidation_events.requested_at is 'When it was asked for';
comment on column cache_invalidation_events.requested_by_sub is 'Subject of the token or key that asked';
comment on column cache_invalidation_events.request_id is 'X-Request-Id of the call';
comment on column cache_invalidation_events.applied_at is 'When it was done';
comment on column cache_invalidation_events.detail is 'What went wrong, if anything';

create table signal_days_touched (
    id uuid not null default gen_random_uuid(),
    xid xid8 not null default pg_current_xact_id(),
    tenant_id uuid not null,
    surface text,
    day date not null,
    created_at timestamptz not null default now(),
    constraint signal_days_touched_pkey primary key (id)
);
create index signal_days_touched_tenant_id_idx on signal_days_touched (tenant_id, xid);
comment on table signal_days_touched is 'Days that gained or lost interactions: how a builder finds late ones. Written with the events, removed when built';
comment on column signal_days_touched.id is 'The entry';
comment on column signal_days_touched.xid is 'Transaction that wrote the events';
comment on column signal_days_touched.tenant_id is 'Whose events';
comment on column signal_days_touched.surface is 'Surface of the events; NULL for none';
comment on column signal_days_touched.day is 'Day in UTC';
comment on column signal_days_touched.created_at is 'When it was written';

create table signal_days_cut_off (
    tenant_id uuid not null,
    namespace text not null,
    day date not null,
    visits bigint not null,
    events bigint not null,
    constraint signal_days_cut_off_pkey primary key (tenant_id, namespace, day)
);
comment on table signal_days_cut_off is
    'Days on which visitors or sessions had more events than anybody has: bots, left out of the signals. Written when a day is built';
comment on column signal_days_cut_off.tenant_id is 'Whose events';
comment on column signal_days_cut_off.namespace is 'Catalogue that they would have fed';
comment on column signal_days_cut_off.day is 'Day in UTC';
comment on column signal_days_cut_off.visits is 'How many visitors and sessions had too many events';
comment on column signal_days_cut_off.events is 'How many events were left out with them';

create table spool_positions (
    spool_id text not null,
    segment text not null,
    position bigint not null,
    updated_at timestamptz not null default now(),
    constraint spool_positions_pkey primary key (spool_id, segment),
    constraint spool_positions_position_positive check (position >= 0)
);
comment on table spool_positions is 'How far each spool segment is in the database. It saves work; losing it loses nothing';
comment on column spool_positions.spool_id is 'The spool';
comment on column spool_positions.segment is 'File of the spool';
comment on column spool_positions.position is 'Bytes of it that are in the database';
comment on column spool_positions.updated_at is 'When that was recorded';

create table dead_letters (
    id uuid not null default gen_random_uuid(),
    tenant_id uuid,
    kind text not null,
    record bytea not null,
    reason text not null,
    sqlstate text,
    spool_id text,
    created_at timestamptz not null default now(),
    replayed_at timestamptz,
    constraint dead_letters_pkey primary key (id)
);
create index dead_letters_created_at_idx on dead_letters (created_at);
comment on table dead_letters is 'Records that the database refused for what they hold; to be looked at and replayed. Normally empty';
comment on column dead_letters.id is 'The record';
comment on column dead_letters.tenant_id is 'Whose it is, where that can be read';
comment on column dead_letters.kind is 'exposure or interaction';
comment on column dead_letters.record is 'The record as it lay in the spool';
comment on column dead_letters.reason is 'Why it was refused';
comment on column dead_letters.sqlstate is 'SQLSTATE of the refusal';
comment on column dead_letters.spool_id is 'Spool it came from';
comment on column dead_letters.created_at is 'When it was set aside';
comment on column dead_letters.replayed_at is 'When it was replayed; NULL if it was not';

create table erasures (
    id uuid not null default gen_random_uuid(),
    tenant_id uuid not null,
    user_key bytea,
    session_id text,
    erased_at timestamptz not null default now(),
    requested_by_sub text,
    completed_at timestamptz,
    exposures_deleted bigint not null default 0,
    interactions_deleted bigint not null default 0,
    constraint erasures_pkey primary key (id),
    constraint erasures_names_somebody check (user_key is not null or session_id is not null)
);
create index erasures_user_key_idx on erasures (tenant_id, user_key);
comment on table erasures is 'People whose events were erased: a drain drops older records of theirs that still lie in a spool';
comment on column erasures.id is 'The erasure';
comment on column erasures.tenant_id is 'Whose visitor it was';
comment on column erasures.user_key is 'Keyed hash of the person';
comment on column erasures.session_id is 'Session that was given to be erased too';
comment on column erasures.erased_at is 'Events up to this time go';
comment on column erasures.requested_by_sub is 'Subject of the token or key that asked';
comment on column erasures.completed_at is 'When the last row was gone; NULL while it runs';
comment on column erasures.exposures_deleted is 'Rows removed from exposure_events';
comment on column erasures.interactions_deleted is 'Rows removed from interaction_events';

select recsys_isolate('cache_invalidation_events', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('signal_days_touched', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('signal_days_cut_off', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('dead_letters', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('erasures', 'tenant_id', :'owner', :'service', :'system');
grant select, insert, update on cache_invalidation_events to :"service", :"system";
grant select, insert on signal_days_touched to :"service";
grant select, insert, delete on signal_days_touched to :"system";
grant select, insert, update, delete on signal_days_cut_off to :"system";
grant select, insert, update, delete on spool_positions, dead_letters to :"system";
grant select, insert, update on erasures to :"system";

-- --- Partitions

create table partition_policies (
    parent_table text not null,
    interval text not null default 'month',
    ahead integer not null default 3,
    retain_days integer,
    accept_days integer,
    updated_at timestamptz not null default now(),
    constraint partition_policies_pkey primary key (parent_table),
    constraint partition_policies_interval_known check (interval in ('day', 'week', 'month')),
    constraint partition_policies_ahead_bounded check (ahead between 1 and 400),
    constraint partition_policies_retain_days_positive check (retain_days > 0),
    constraint partition_policies_accept_days_positive check (accept_days > 0),
    constraint partition_policies_accepts_what_it_keeps check (accept_days <= retain_days)
);
comment on table partition_policies is 'How each log is partitioned, and how long it is kept. Change a row and the next upkeep follows it';
comment on column partition_policies.parent_table is 'The partitioned table';
comment on column partition_policies.interval is 'Length of new partitions: day, week (from Monday) or month, in UTC';
comment on column partition_policies.ahead is 'How many are made beyond the one that is in use';
comment on column partition_policies.retain_days is 'How long rows are kept; a partition goes a week after its last row may. NULL keeps them for good';
comment on column partition_policies.accept_days is 'How old an event may be when it arrives, which bounds the number of partitions. NULL for tables nobody sends to';
comment on column partition_policies.updated_at is 'When the row last changed';

create trigger touch before update on partition_policies for each row execute function recsys_touch();

insert into partition_policies (parent_table, interval, ahead, retain_days, accept_days) values
    ('exposure_events', 'month', 3, 400, 400),
    ('interaction_events', 'month', 3, 400, 400),
    ('audit_log', 'month', 3, null, null);

create table partition_retirements (
    id uuid not null default gen_random_uuid(),
    parent_table text not null,
    partition_name text not null,
    lower_bound timestamptz not null,
    upper_bound timestamptz not null,
    state text not null default 'detaching',
    row_count bigint,
    last_error text,
    started_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    archive_file text,
    constraint partition_retirements_pkey primary key (id),
    constraint partition_retirements_state_known check (state in ('detaching', 'detached', 'archived', 'dropped'))
);
create unique index partition_retirements_unfinished_idx on partition_retirements (partition_name) where state <> 'dropped';
comment on table partition_retirements is 'Partitions on their way out, and those that are gone: where an interrupted retirement goes on';
comment on column partition_retirements.id is 'The retirement';
comment on column partition_retirements.parent_table is 'Table it belonged to';
comment on column partition_retirements.partition_name is 'The partition';
comment on column partition_retirements.lower_bound is 'First time it may hold';
comment on column partition_retirements.upper_bound is 'First time it may not hold';
comment on column partition_retirements.state is 'The step that comes next is after this one: detaching, detached, archived, dropped';
comment on column partition_retirements.archive_file is 'File it was written to; NULL for none';
comment on column partition_retirements.row_count is 'Rows it held';
comment on column partition_retirements.last_error is 'What stopped the last pass; the next one tries again';
comment on column partition_retirements.started_at is 'When it was chosen';
comment on column partition_retirements.updated_at is 'When it last took a step';

create function recsys_partition_interval(every text, at timestamptz, out lower_bound timestamptz, out upper_bound timestamptz)
    language sql immutable strict parallel safe
    set search_path = pg_catalog
    as $$
select start at time zone 'UTC', (start + length) at time zone 'UTC'
from (
    select date_trunc(every, at at time zone 'UTC') as start,
        case every when 'day' then interval '1 day' when 'week' then interval '7 days' when 'month' then interval '1 month' end as length
) as calendar
$$;
comment on function recsys_partition_interval(text, timestamptz) is 'The calendar interval (day, week from Monday, month; UTC) that holds a time';

create function recsys_partitions(parent text)
    returns table (partition_name text, lower_bound timestamptz, upper_bound timestamptz, detaching boolean)
    language sql stable strict
    -- Bounds are printed in the zone of the session, which this function makes UTC.
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
    as $$
-- pg_get_expr locks the table that it asks about, and a pending detach may hold it for as long as a report runs: such a partition
-- is not asked. No insert can want it; what retirement wrote down of it is enough.
select child.relname,
    case when inhdetachpending then coalesce(going.lower_bound, '-infinity')
        else coalesce(substring(bounds from 'FROM \(''([^'']+)''\)')::timestamptz, '-infinity') end,
    case when inhdetachpending then coalesce(going.upper_bound, '-infinity')
        else coalesce(substring(bounds from 'TO \(''([^'']+)''\)')::timestamptz, 'infinity') end,
    inhdetachpending
from pg_inherits
join pg_class as child on child.oid = inhrelid
left join partition_retirements as going on inhdetachpending and going.partition_name = child.relname and going.state <> 'dropped'
cross join lateral (select case when not inhdetachpending then pg_get_expr(child.relpartbound, child.oid) end as bounds) as asked
where inhparent = to_regclass(quote_ident(parent))
order by 2
$$;
comment on function recsys_partitions(text) is 'The partitions of a table with their bounds, oldest first';

create function recsys_ensure_partitions(parent text, at timestamptz) returns text
    language plpgsql strict security definer
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' set lock_timeout = '900ms'
    as $$
declare
    every text := (select p.interval from partition_policies as p where p.parent_table = parent);
    lower_bound timestamptz;
    upper_bound timestamptz;
    partition text;
begin
    if every is null then
        raise exception 'no row in partition_policies for %', parent using errcode = 'undefined_object';
    elsif not isfinite(at) then
        raise exception 'there is no partition for %', at using errcode = 'datetime_field_overflow';
    elsif exists (select from recsys_partitions(parent) as p where p.lower_bound <= at and at < p.upper_bound) then
        return null;
    end if;
    -- The lock that ATTACH needs anyway: whoever comes second waits here, and finds it done. ONLY, for its partitions stay free.
    execute format('lock table only %I in share update exclusive mode', parent);
    if exists (select from recsys_partitions(parent) as p where p.lower_bound <= at and at < p.upper_bound) then
        return null;
    end if;
    -- The interval of the policy, cut to what its neighbours leave free: no overlap and no gap, whatever the policy was before.
    select greatest(i.lower_bound, (select max(p.upper_bound) from recsys_partitions(parent) as p where p.upper_bound <= at)),
           least(i.upper_bound, (select min(p.lower_bound) from recsys_partitions(parent) as p where p.lower_bound > at))
    into lower_bound, upper_bound
    from recsys_partition_interval(every, at) as i;
    partition := format('%s_%s_%s', parent, to_char(lower_bound, 'YYYYMMDD'), to_char(upper_bound, 'YYYYMMDD'));
    while to_regclass(quote_ident(partition)) is not null loop
        partition := partition || '_again'; -- a detached table of this name waits for its end
    end loop;
    execute format('create table %I (like %I including all)', partition, parent);
    -- Nobody but the owner is granted anything on it; without a policy a grant by mistake shows nothing either.
    execute format('alter table %I enable row level security', partition);
    -- Row triggers come with ATTACH, statement triggers do not.
    if exists (select from pg_trigger where tgrelid = to_regclass(quote_ident(parent)) and tgname = 'append_only_truncate') then
        execute format('create trigger append_only_truncate before truncate on %I for each statement execute function recsys_refuse_change()', partition);
    end if;
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, partition, lower_bound, upper_bound);
    return partition;
end
$$;
comment on function recsys_ensure_partitions(text, timestamptz) is
    'Makes the partition of a table that covers a time, by its policy; answers its name, or NULL when there was one';

create function recsys_ensure_runway(at timestamptz default now()) returns setof text
    language plpgsql strict security definer
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' set lock_timeout = '900ms'
    as $$
declare
    policy partition_policies;
    cursor_at timestamptz;
    made text;
begin
    for policy in select * from partition_policies order by parent_table loop
        cursor_at := at;
        for step in 0..policy.ahead loop
            made := recsys_ensure_partitions(policy.parent_table, cursor_at);
            if made is not null then
                return next made;
            end if;
            select upper_bound into strict cursor_at from recsys_partitions(policy.parent_table)
            where lower_bound <= cursor_at and cursor_at < upper_bound;
        end loop;
    end loop;
end
$$;
comment on function recsys_ensure_runway(timestamptz) is
    'Makes, for every policy, the partition in use at a time and as many beyond it as the policy says; answers the names of the new ones';

create function recsys_partition_report(parent text)
    returns table (
        partition_name text, lower_bound timestamptz, upper_bound timestamptz, detaching boolean,
        is_empty boolean, row_estimate bigint, total_bytes bigint
    )
    language plpgsql strict security definer
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' set lock_timeout = '900ms'
    as $$
begin
    for partition_name, lower_bound, upper_bound, detaching in
        select p.partition_name, p.lower_bound, p.upper_bound, p.detaching from recsys_partitions(parent) as p
    loop
        -- For the same reason nothing here opens one that is being detached.
        is_empty := false;
        if not detaching then
            execute format('select not exists (select from only %I)', partition_name) into is_empty;
        end if;
        select reltuples, case when detaching then relpages::bigint * current_setting('block_size')::bigint else pg_total_relation_size(oid) end
        into row_estimate, total_bytes
        from pg_class where relname = partition_name and relnamespace = 'public'::regnamespace;
        return next;
    end loop;
end
$$;
comment on function recsys_partition_report(text) is
    'The partitions of a table with bounds, size, and rows as the planner estimates them (-1: not known yet)';

create function recsys_drop_future_partition(parent text, partition text) returns void
    language plpgsql strict security definer
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' set lock_timeout = '900ms'
    as $$
declare
    is_used boolean;
begin
    -- Nothing is written beside us from here on; whoever waits finds the partition that is made next in this transaction.
    execute format('lock table only %I in access exclusive mode', parent);
    if not exists (
        select from recsys_partitions(parent) as p where p.partition_name = partition and p.lower_bound > now() and not p.detaching
    ) then
        raise exception '% is no partition of % that is still to come', partition, parent using errcode = 'object_not_in_prerequisite_state';
    end if;
    execute format('select exists (select from only %I)', partition) into is_used;
    if is_used then
        raise exception 'partition % holds rows', partition using errcode = 'object_not_in_prerequisite_state';
    end if;
    execute format('drop table %I', partition);
end
$$;
comment on function recsys_drop_future_partition(text, text) is
    'Drops an empty partition of the future, so that one of another length can take its place in the same transaction';

revoke execute on function recsys_partition_interval(text, timestamptz), recsys_partitions(text), recsys_partition_report(text),
    recsys_ensure_partitions(text, timestamptz), recsys_ensure_runway(timestamptz), recsys_drop_future_partition(text, text)
    from public;
grant execute on function recsys_partition_interval(text, timestamptz), recsys_partitions(text), recsys_partition_report(text),
    recsys_ensure_partitions(text, timestamptz), recsys_ensure_runway(timestamptz), recsys_drop_future_partition(text, text)
    to :"system";
grant select on partition_policies to :"service", :"system";
grant select on partition_retirements to :"system";

-- --- Removing a tenant

create table tenant_removals (
    tenant_id uuid not null,
    external_id_hash text not null,
    rows_removed jsonb not null default '{}',
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint tenant_removals_pkey primary key (tenant_id)
);
comment on table tenant_removals is 'Tenants whose data was removed, or is being removed: where an interrupted removal goes on';
comment on column tenant_removals.tenant_id is 'Who it was';
comment on column tenant_removals.external_id_hash is 'Hex SHA-256 of the external id';
comment on column tenant_removals.rows_removed is 'Rows removed so far, by table';
comment on column tenant_removals.started_at is 'When it began';
comment on column tenant_removals.finished_at is 'When the last row was gone; NULL while it runs';

create function recsys_remove_tenant(tenant uuid, batch integer default 10000) returns boolean
    language plpgsql strict security definer
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
    as $$
declare
    external_id_hash text;
    state text;
    room integer := batch;
    removed integer;
    relation name;
begin
    if exists (select from tenant_removals where tenant_id = tenant and finished_at is not null) then
        return true;
    end if;
    select encode(sha256(convert_to(t.external_id, 'UTF8')), 'hex'), t.status into external_id_hash, state
    from tenants as t where t.id = tenant for update;
    if state is distinct from 'deleted' then
        raise exception 'tenant % is %, not deleted', tenant, coalesce(state, 'unknown')
            using errcode = 'object_not_in_prerequisite_state', hint = 'update tenants set status = ''deleted'' where id = ...';
    end if;
    insert into tenant_removals (tenant_id, external_id_hash) values (tenant, external_id_hash) on conflict (tenant_id) do nothing;
    perform set_config('recsys.removing_tenant', tenant::text, true);
    -- Every table with a tenant: partitions one by one, those that are detached and not dropped yet among them; what is referenced goes last.
    for relation in
        select c.relname from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'tenant_removals'
        order by c.relname like '%\_versions', c.relname = 'signal_changes', c.relname
    loop
        execute format(
            'delete from only %1$I where ctid = any (array(select ctid from only %1$I where tenant_id = $1 limit $2))', relation)
        using tenant, room;
        get diagnostics removed = row_count;
        update tenant_removals as r
        set rows_removed = jsonb_set(r.rows_removed, array[relation::text], to_jsonb(coalesce((r.rows_removed ->> relation)::bigint, 0) + removed))
        where r.tenant_id = tenant and removed > 0;
        room := room - removed;
        if room = 0 then
            return false;
        end if;
    end loop;
    delete from tenants where id = tenant;
    update tenant_removals set finished_at = now() where tenant_id = tenant;
    perform recsys_ensure_partitions('audit_log', now());
    insert into audit_log (actor_type, actor_sub, action, entity_type, entity_id, extra)
    select 'system', session_user, 'tenant.remove', 'tenant', r.external_id_hash, r.rows_removed
    from tenant_removals as r where r.tenant_id = tenant;
    return true;
end
$$;
comment on function recsys_remove_tenant(uuid, integer) is
    'Removes every row of a tenant whose status is deleted, its versions and audit rows included: so many a call, to be called until it answers true. '
    'Leaves one row in audit_log, with a hash of the external id and counts. Copies elsewhere (archives, exports, backups, spools) are not touched';

revoke execute on function recsys_remove_tenant(uuid, integer) from public;
select recsys_isolate('tenant_removals', 'tenant_id', :'owner', :'service', :'system');
grant select on tenant_removals to :"system";

-- --- Erasing a person


create function recsys_erase_detached(
    tenant uuid, user_keys bytea[], session_ids text[], until timestamptz, out exposures bigint, out interactions bigint
)
    language plpgsql strict security definer
    set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
    as $$
declare
    relation name;
    is_exposures boolean;
    removed bigint;
begin
    exposures := 0;
    interactions := 0;
    for relation, is_exposures in
        select c.relname, 'item_ids' = any (c.columns)
        from (
            select t.oid, t.relname, array_agg(a.attname::text) as columns
            from pg_class as t
            join pg_attribute as a on a.attrelid = t.oid and not a.attisdropped
            where t.relnamespace = 'public'::regnamespace and t.relkind = 'r'
            group by t.oid, t.relname
        ) as c
        where c.columns @> '{tenant_id,user_key,session_id,occurred_at,received_at}'
            and not exists (select from pg_inherits as i where i.inhrelid = c.oid and not i.inhdetachpending)
        order by c.relname
    loop
        execute format(
            'delete from only %I where tenant_id = $1 and (user_key = any ($2) or session_id = any ($3))
                 and least(occurred_at, received_at) <= $4', relation)
        using tenant, user_keys, session_ids, until;
        get diagnostics removed = row_count;
        if is_exposures then
            exposures := exposures + removed;
        else
            interactions := interactions + removed;
        end if;
    end loop;
end
$$;
comment on function recsys_erase_detached(uuid, bytea[], text[], timestamptz) is
    'Removes a person''s older events from partitions that are detached, or are being detached, and not dropped yet';

revoke execute on function recsys_erase_detached(uuid, bytea[], text[], timestamptz) from public;
grant execute on function recsys_erase_detached(uuid, bytea[], text[], timestamptz) to :"system";
