-- transaction: yes

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
