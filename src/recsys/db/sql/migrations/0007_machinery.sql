-- transaction: yes
-- locks: tenants (share row exclusive)

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
select recsys_isolate('dead_letters', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('erasures', 'tenant_id', :'owner', :'service', :'system');
grant select, insert, update on cache_invalidation_events to :"service", :"system";
grant select, insert on signal_days_touched to :"service";
grant select, insert, delete on signal_days_touched to :"system";
grant select, insert, update, delete on spool_positions, dead_letters to :"system";
grant select, insert, update on erasures to :"system";
