-- transaction: yes
-- phase: post
-- locks: partition_retirements (access exclusive)
--
-- Second half: no running code writes the old name any more.
drop trigger sync_archive_file on partition_retirements;
drop function recsys_sync_archive_file();
-- squawk-ignore ban-drop-column  the first half left nobody who reads it
alter table partition_retirements drop column archive;
