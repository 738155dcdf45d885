-- transaction: yes
-- phase: post
-- locks: partition_retirements (access exclusive)
--
-- Second half: the first one left nobody who reads or writes the old name.
-- squawk-ignore ban-drop-trigger
drop trigger sync_archive_file on partition_retirements;
-- squawk-ignore ban-drop-function
drop function recsys_sync_archive_file();
-- squawk-ignore ban-drop-column
alter table partition_retirements drop column archive;
