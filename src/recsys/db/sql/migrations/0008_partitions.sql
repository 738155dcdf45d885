-- transaction: yes

create table partition_policies (
    parent_table text not null,
    interval text not null default 'month',
    -- at most 400
    -- squawk-ignore prefer-bigint-over-int
    ahead integer not null default 3,
    -- days of a life
    -- squawk-ignore prefer-bigint-over-int
    retain_days integer,
    -- squawk-ignore prefer-bigint-over-int
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
    archive text,
    row_count bigint,
    last_error text,
    started_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
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
comment on column partition_retirements.archive is 'File it was written to; NULL for none';
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
