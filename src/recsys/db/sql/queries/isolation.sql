-- name: logins
-- The login that DATABASE_URL names, and the role that its transactions take.
select rolname, rolsuper or rolbypassrls as above_the_law, pg_has_role(rolname, %(owner)s, 'USAGE') as inherits_owner
from pg_roles
where rolname in (session_user, %(service)s)

-- name: missing_roles
select role from unnest(%s::text[]) as role where not exists (select from pg_roles where rolname = role)

-- name: not_a_member
select role from unnest(%s::text[]) as role where not pg_has_role(session_user, role, 'MEMBER')

-- name: has_schema
select to_regclass('public.tenants') is not null

-- name: open_tables
-- Tables that hold tenants' rows without row-level security, or with policies for the service that are not exactly the one of its tenant,
-- as recsys_isolate() makes it. Postgres 15 to 18 spell the expression alike.
select relname
from pg_class
join pg_attribute as key on attrelid = pg_class.oid and not attisdropped and attname = case relname when 'tenants' then 'id' else 'tenant_id' end
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
    and not (
        relrowsecurity and relforcerowsecurity
        and (
            select count(*) = 1 and bool_and(
                polcmd = '*' and polpermissive
                and array[pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)] <@ array[format(
                    $$(%%I = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif"))$$, key.attname)])
            from pg_policy
            where polrelid = pg_class.oid
                and (polroles @> array[(select oid from pg_roles where rolname = %(service)s)] or polroles = '{0}')
        )
    )
order by relname

-- name: open_partitions
-- Partitions do not inherit row-level security: whoever is granted one reads every tenant's rows in it.
select child.relname, role
from pg_class as child
cross join unnest(%s::text[]) as role
where child.relnamespace = 'public'::regnamespace and child.relispartition and child.relkind = 'r'
    and has_table_privilege(role, child.oid, 'select, insert, update, delete, truncate, references, trigger')
order by child.relname
