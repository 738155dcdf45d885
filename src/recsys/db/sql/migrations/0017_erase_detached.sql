-- transaction: yes
--
-- A partition that is detached and not dropped yet is still a place where a person's events lie; nobody but its owner may touch it.

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
