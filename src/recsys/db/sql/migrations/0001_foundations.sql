-- transaction: yes
--
-- How to read these files. `:"owner"`, `:"service"` and `:"system"` are the three roles (and `:'owner'` the same as text), because
-- RECSYS_DB_ROLE_PREFIX names them. It is psql's own spelling of variables, so a file also runs as it is:
--     psql -v owner=recsys_owner -v service=recsys_service -v system=recsys_system -c 'set role recsys_owner' -f FILE
-- Variables are not replaced inside $$ bodies, neither by psql nor by us; functions find the owner in the catalogue.
-- A file whose header says `transaction: yes` runs, with its row in schema_migrations, in one transaction.

create table schema_migrations (
    -- counted by people
    -- squawk-ignore prefer-bigint-over-int
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
