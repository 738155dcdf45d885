-- transaction: yes
-- phase: pre
-- locks: partition_retirements (access exclusive)
--
-- First half of renaming partition_retirements.archive to archive_file: both are there, and say the same whichever is written.
alter table partition_retirements add column archive_file text;
comment on column partition_retirements.archive_file is 'File it was written to; NULL for none';
update partition_retirements set archive_file = archive where archive is not null;

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
