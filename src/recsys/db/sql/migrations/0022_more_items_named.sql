-- transaction: yes
-- locks: signal_changes (share update exclusive)
--
-- Serving reads again only the items that a change names: an upsert of a thousand rows is to be served as soon as one of a single row.

create or replace function recsys_log_changed_items() returns trigger
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
comment on column signal_changes.item_ids is 'Items that changed, up to 1,000; NULL means any';
