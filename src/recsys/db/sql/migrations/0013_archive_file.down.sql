-- transaction: yes
-- locks: partition_retirements (access exclusive)

-- The old name says everything that the new one does.
-- squawk-ignore ban-drop-trigger
drop trigger sync_archive_file on partition_retirements;
-- squawk-ignore ban-drop-function
drop function recsys_sync_archive_file();
-- squawk-ignore ban-drop-column
alter table partition_retirements drop column archive_file;
