-- transaction: yes
-- Event tables have no foreign keys (dropping a detached partition would lock tenants), no identity columns (ATTACH fails on 18),
-- and no DEFAULT partition (it would make concurrent detaching an error and every new partition a scan).

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
    -- squawk-ignore prefer-bigint-over-int
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
