-- transaction: yes
-- Serving polls signal_changes instead of listening: a NOTIFY payload can abort the operator's own statement, serialises commits, and
-- does not reach a standby. One statement writes one row per namespace, however many rows it touched.

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

create trigger log_change after insert or update or delete on tenants
    for each row execute function recsys_log_changed_tenant('tenant', 'id');
create trigger log_change after insert or update or delete on tenant_configs_current
    for each row execute function recsys_log_changed_tenant('config', 'tenant_id');
create trigger log_change after insert or update or delete on tenant_rules_current
    for each row execute function recsys_log_changed_tenant('rules', 'tenant_id');
-- last_used_at is written often and changes nothing.
create trigger log_change after insert or delete or update of tenant_id, key_hash, roles, expires_at, revoked_at on tenant_api_keys
    for each row execute function recsys_log_changed_tenant('keys', 'tenant_id');
create trigger log_truncate after truncate on tenants
    for each statement execute function recsys_log_changed_tenant('tenant', 'id');
create trigger log_truncate after truncate on tenant_configs_current
    for each statement execute function recsys_log_changed_tenant('config', 'tenant_id');
create trigger log_truncate after truncate on tenant_rules_current
    for each statement execute function recsys_log_changed_tenant('rules', 'tenant_id');
create trigger log_truncate after truncate on tenant_api_keys
    for each statement execute function recsys_log_changed_tenant('keys', 'tenant_id');
