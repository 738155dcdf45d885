-- transaction: yes
-- Serving polls signal_changes instead of listening: a NOTIFY payload can abort the operator's own statement, serialises commits, and
-- does not reach a standby. One statement writes one row per namespace, however many rows it touched.

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
comment on column signal_changes.item_ids is 'Items that changed, up to 100; NULL means any';
comment on column signal_changes.created_at is 'When it was written';

create function recsys_log_changed_items() returns trigger
    language plpgsql security definer
    set search_path = public, pg_temp
    as $$
declare
    -- Items are named up to 100, and nobody counts them in a large statement.
    largest_counted constant bigint := 10000;
    named constant bigint := 100;
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
