-- transaction: yes
-- locks: partition_retirements (access exclusive)
alter table partition_retirements add column archive text;
comment on column partition_retirements.archive is 'File it was written to; NULL for none';
update partition_retirements set archive = archive_file where archive_file is not null;

create function recsys_sync_archive_file() returns trigger
    language plpgsql
    set search_path = pg_catalog
    as $$
begin
    if tg_op = 'INSERT' then
        new.archive_file := coalesce(new.archive_file, new.archive);
        new.archive := new.archive_file;
    elsif new.archive_file is distinct from old.archive_file then
        new.archive := new.archive_file;
    else
        new.archive_file := new.archive;
    end if;
    return new;
end
$$;
comment on function recsys_sync_archive_file() is 'Trigger: the old name and the new name of a column say the same during a roll-out';
revoke execute on function recsys_sync_archive_file() from public;
create trigger sync_archive_file before insert or update on partition_retirements
    for each row execute function recsys_sync_archive_file();
