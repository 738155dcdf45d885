-- transaction: yes
-- locks: partition_retirements (access exclusive)
drop trigger sync_archive_file on partition_retirements;
drop function recsys_sync_archive_file();
alter table partition_retirements drop column archive_file;
